// The two flag files in memory: what is there, what is on the platter, and every change in order. Fails what a test says.
import {
  type FlagContent,
  type FlagFiles,
  type FlagName,
  formatFlag,
  type ObservedFlag,
  type ObservedFlags,
  parseFlagGeneration,
} from '../../reconcilers/flags/flag-files.ts';

export type FlagDeed = `${'create' | 'remove' | 'confirm'} ${FlagName}`;

export class FakeFlagFiles implements FlagFiles {
  readonly deeds: FlagDeed[] = [];
  /** Deeds that fail now. */
  readonly failing = new Set<FlagDeed>();
  /** How often the contents were read. */
  contentReads = 0;
  /** Deeds that failed may have had their effect all the same. */
  failsAfterEffect = false;
  #flags: Record<FlagName, ObservedFlag>;

  constructor(flags: ObservedFlags) {
    this.#flags = { ...flags };
  }

  get now(): ObservedFlags {
    return this.#flags;
  }

  /** Somebody else changes a flag. */
  set(flag: FlagName, state: ObservedFlag): void {
    this.#flags[flag] = state;
  }

  async observe({ withGeneration }: { readonly withGeneration: boolean }): Promise<ObservedFlags> {
    if (withGeneration) this.contentReads += 1;
    const seen = (flag: ObservedFlag): ObservedFlag =>
      flag.state === 'present' && !withGeneration ? { ...flag, generation: null } : flag;
    return { persistent: seen(this.#flags.persistent), volatile: seen(this.#flags.volatile) };
  }

  async create(flag: FlagName, content: FlagContent): Promise<void> {
    this.#do(`create ${flag}`, () =>
      this.set(flag, { state: 'present', generation: parseFlagGeneration(formatFlag(content)) }),
    );
  }

  async remove(flag: FlagName): Promise<void> {
    this.#do(`remove ${flag}`, () => this.set(flag, ABSENT));
  }

  async confirm(flag: FlagName): Promise<void> {
    this.#do(`confirm ${flag}`, () => {});
  }

  #do(deed: FlagDeed, effect: () => void): void {
    this.deeds.push(deed);
    const fails = this.failing.has(deed);
    if (!fails || this.failsAfterEffect) effect();
    if (fails) throw new Error(`EIO: ${deed}`);
  }
}

export const ABSENT: ObservedFlag = { state: 'absent' };
export const HAND_MADE: ObservedFlag = { state: 'present', generation: null };
export const A_LINK: ObservedFlag = { state: 'obstructed', by: 'a link' };
export const A_FOLDER: ObservedFlag = {
  state: 'blocked',
  message: 'a folder stands there',
  unreadable: false,
};
/** It cannot be looked at now. */
export const UNKNOWN: ObservedFlag = { state: 'blocked', message: 'EIO: i/o error', unreadable: true };
/** It is there, and what it says cannot be read now. */
export const UNREAD: ObservedFlag = { state: 'present', generation: 'unreadable' };
/** It is there, and not as a flag is to be. */
export const FLAWED: ObservedFlag = { state: 'present', generation: null, flaw: 'the flag is flawed' };
export const flagOf = (generation: number): ObservedFlag => ({ state: 'present', generation });
export const both = (flag: ObservedFlag): ObservedFlags => ({ persistent: flag, volatile: flag });
