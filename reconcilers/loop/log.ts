// The log as it comes in from outside (pino in production): constant messages plus fields.
// info = state changed, debug = each pass, warn = retrying, error = needs a person.

type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}
