// The FlagFiles port: the two files that tell other software on the host that it is locked. Adapter: node-agent/flag-files.ts.
import { MAX_GENERATION } from '../../desired-state/generation.ts';

export const FLAG_NAMES = ['persistent', 'volatile'] as const;
/** persistent: survives a reboot, the commit point. volatile: on a tmpfs, follows it. */
export type FlagName = (typeof FLAG_NAMES)[number];

/** A flag's first line (requirements.md, "Flag files"): other software compares it. */
export const FLAG_SENTENCE = 'This node is currently in the administratively locked state';

/** The highest generation that is believed of a flag, which anybody with an editor may have written: a store has as many numbers left above it. */
const MAX_FLAG_GENERATION = MAX_GENERATION / 2;

/**
 * What stands at a flag's path. Present is a regular file, whatever its content; `generation` is the one its further lines carry, null when it
 * carries none (made by hand) or was not asked for, and `flaw` says, as a sentence, what is wrong with it all the same. Obstructed: a link, fifo, device or socket, which can be replaced or removed without following or
 * opening it (I9). Blocked: a folder, or (`unreadable`) something that can't be looked at, which may pass: never touched.
 */
export type ObservedFlag =
  | {
      readonly state: 'present';
      readonly generation: number | null | 'unreadable';
      readonly flaw?: string;
    }
  | { readonly state: 'absent' }
  | { readonly state: 'obstructed'; readonly by: string }
  | { readonly state: 'blocked'; readonly message: string; readonly unreadable: boolean };

export type ObservedFlags = Readonly<Record<FlagName, ObservedFlag>>;

/** What a flag's further lines say. */
export interface FlagContent {
  readonly generation: number;
  readonly since: string | undefined;
  readonly reason: string | undefined;
}

export interface FlagFiles {
  /** Never throws: what can't be looked at is blocked. `withGeneration` reads the files' content too. */
  observe(options: { readonly withGeneration: boolean }): Promise<ObservedFlags>;
  /** Puts a regular file there in one step, replacing what was; the persistent one durably. @throws on failure. */
  create(flag: FlagName, content: FlagContent): Promise<void>;
  /** Removes what stands there, never what it points to; the persistent one durably. Nothing there is success. @throws on failure. */
  remove(flag: FlagName): Promise<void>;
  /** Makes durable what stands there now, a file or nothing. @throws on failure. */
  confirm(flag: FlagName): Promise<void>;
}

/** The text of a flag file. */
export function formatFlag(content: FlagContent): string {
  const lines = [FLAG_SENTENCE, `generation: ${content.generation}`];
  if (content.since !== undefined) lines.push(`since: ${content.since}`);
  if (content.reason !== undefined) lines.push(`reason: ${content.reason.replaceAll(/\s+/g, ' ').trim()}`);
  return `${lines.join('\n')}\n`;
}

/** The generation that a flag's text carries, or null: one made by hand, empty, torn or garbled carries none, and one that no store came to neither. */
export function parseFlagGeneration(text: string): number | null {
  if (!text.startsWith(`${FLAG_SENTENCE}\n`)) return null;
  const match = /^generation: (\d{1,16})$/m.exec(text);
  const generation = match === null || !text.endsWith('\n') ? Number.NaN : Number(match[1]);
  return generation <= MAX_FLAG_GENERATION ? generation : null;
}
