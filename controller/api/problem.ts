// Errors as RFC 9457 problem details: which status and code each one gets.
import {
  ERROR_CODES,
  type ErrorCode,
  errnoOf,
  LockstepError,
  messageOf,
} from '../../desired-state/errors.ts';
import { MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';
import type { Problem } from './schemas.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

export const PROBLEM_TITLES: Readonly<Record<ErrorCode, string>> = {
  Failed: 'The controller failed',
  Unavailable: 'The controller or its store is not available',
  Usage: 'Wrong usage',
  TimedOut: 'Timed out',
  Invalid: 'The request is not valid',
  Refused: 'Refused',
  NotFound: 'Not found',
  Conflict: 'In conflict with what is there',
};

/** Fastify's own errors whose message does not say what was expected. */
const FASTIFY_DETAILS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE:
    'request body: expected one of content-type application/json, found another',
  FST_ERR_CTP_BODY_TOO_LARGE: `request body: expected at most ${MAX_MESSAGE_BYTES} bytes, found more`,
};

/** What the client is told of `error`. One that is nobody's fault but ours keeps its details for the log. */
export function toProblem(error: unknown): Problem {
  if (error instanceof LockstepError) {
    return problem(error.code, ERROR_CODES[error.code].httpStatus, error.message);
  }
  const status = clientErrorStatus(error);
  if (status !== undefined) {
    return problem('Invalid', status, FASTIFY_DETAILS[errnoOf(error) ?? ''] ?? messageOf(error));
  }
  return problem('Failed', 500, 'an error of the controller itself: its log says more');
}

export function problem(code: ErrorCode, status: number, detail: string): Problem {
  return { type: `urn:lockstep:problem:${code}`, title: PROBLEM_TITLES[code], status, detail, code };
}

function clientErrorStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}
