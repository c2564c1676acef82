// What an agent knows when it starts, before any controller speaks: rules 2 to 5 of design.md, "What an agent knows, best first". Pure.
import type { KnownSpec } from '../reconcilers/copy/known-spec.ts';
import { COPY_NAMES, type CopyStates } from '../reconcilers/copy/spec-copies.ts';
import { FLAG_NAMES, type ObservedFlags } from '../reconcilers/flags/flag-files.ts';

/**
 * remembered (rule 2): the copy. `flagged`: a flag was there too; a crash in the middle of an unlock leaves that. `certain`: nothing that could
 * not be read may say more. flags (rule 3, or a flag newer than the copy): only that the host is locked; `generation` is the flags' highest, 0 for flags
 * made by hand. fresh-install (rule 4). nothing (rule 5).
 */
export type Basis =
  | {
      readonly source: 'remembered';
      readonly known: KnownSpec;
      readonly flagged: boolean;
      readonly certain: boolean;
    }
  | { readonly source: 'flags'; readonly generation: number }
  | { readonly source: 'fresh-install' }
  | { readonly source: 'nothing' };

export interface RecallInput {
  readonly copies: CopyStates;
  readonly flags: ObservedFlags;
  /** Anything that an earlier agent left: in stateDir, in runDir, or beside the persistent flag. */
  readonly trace: boolean;
}

export function recall(input: RecallInput): Basis {
  const { copies, flags, trace } = input;
  const known = newestCopy(copies);
  const flagsGeneration = highestFlagGeneration(flags);
  if (known !== undefined && flagsGeneration <= known.generation) {
    const certain = !isRecallUncertain(input);
    return { source: 'remembered', known, flagged: anyFlag(flags), certain };
  }
  if (known !== undefined || anyFlag(flags)) return { source: 'flags', generation: flagsGeneration };
  if (trace || anyUnreadableCopy(copies) || anyBlocked(flags)) return { source: 'nothing' };
  return { source: 'fresh-install' };
}

/** May a later look know more, because something that may be newer could not be read at this one? */
export function isRecallUncertain({ copies, flags }: RecallInput): boolean {
  return (newestCopy(copies) === undefined && anyUnreadableCopy(copies)) || anyUnreadableFlag(flags);
}

/** Either was told by a controller, and nothing is acknowledged that only one of them holds: of two valid ones the higher is the newest known. */
function newestCopy(copies: CopyStates): KnownSpec | undefined {
  let newest: KnownSpec | undefined;
  for (const name of COPY_NAMES) {
    const copy = copies[name];
    if (copy.state === 'valid' && copy.known.generation > (newest?.generation ?? 0)) newest = copy.known;
  }
  return newest;
}

function highestFlagGeneration(flags: ObservedFlags): number {
  return Math.max(
    ...FLAG_NAMES.map((name) => {
      const flag = flags[name];
      return flag.state === 'present' && flag.generation !== 'unreadable' ? (flag.generation ?? 0) : 0;
    }),
  );
}

function anyFlag(flags: ObservedFlags): boolean {
  return FLAG_NAMES.some((name) => flags[name].state === 'present');
}

function anyBlocked(flags: ObservedFlags): boolean {
  return FLAG_NAMES.some((name) => flags[name].state === 'blocked');
}

function anyUnreadableFlag(flags: ObservedFlags): boolean {
  return FLAG_NAMES.some((name) => {
    const flag = flags[name];
    return flag.state === 'present'
      ? flag.generation === 'unreadable'
      : flag.state === 'blocked' && flag.unreadable;
  });
}

function anyUnreadableCopy(copies: CopyStates): boolean {
  return COPY_NAMES.some((name) => copies[name].state === 'unreadable');
}
