// The remembered copies in memory, with every change in order. Fails what a test says.
import type { KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import type { CopyName, CopyState, CopyStates, SpecCopies } from '../../reconcilers/copy/spec-copies.ts';

export type CopyDeed = `${'write' | 'set-aside' | 'confirm'} ${CopyName}` | 'leave-trace' | 'settle';

export const NO_COPY: CopyState = { state: 'absent' };
export const CORRUPT: CopyState = { state: 'corrupt' };
export const UNREADABLE: CopyState = { state: 'unreadable', message: 'EIO: i/o error' };
export const copyOf = (known: KnownSpec): CopyState => ({ state: 'valid', known });
export const copies = (a: CopyState, b: CopyState): CopyStates => ({
  'desired-a.json': a,
  'desired-b.json': b,
});

export class FakeSpecCopies implements SpecCopies {
  readonly deeds: CopyDeed[] = [];
  readonly failing = new Set<CopyDeed>();
  trace = true;
  #copies: Record<CopyName, CopyState>;

  constructor(states: CopyStates = copies(NO_COPY, NO_COPY)) {
    this.#copies = { ...states };
  }

  get now(): CopyStates {
    return this.#copies;
  }

  /** Something else happens to a copy. */
  set(copy: CopyName, state: CopyState): void {
    this.#copies[copy] = state;
  }

  async observe(): Promise<CopyStates> {
    return { ...this.#copies };
  }

  async write(copy: CopyName, known: KnownSpec): Promise<void> {
    this.#do(`write ${copy}`, () => this.set(copy, copyOf(known)));
  }

  async confirm(copy: CopyName): Promise<void> {
    this.#do(`confirm ${copy}`, () => {});
  }

  async setAside(copy: CopyName): Promise<void> {
    this.#do(`set-aside ${copy}`, () => this.set(copy, NO_COPY));
  }

  async settle(): Promise<void> {
    this.#do('settle', () => {});
  }

  async hasTrace(): Promise<boolean> {
    return this.trace;
  }

  async leaveTrace(): Promise<void> {
    this.#do('leave-trace', () => {
      this.trace = true;
    });
  }

  #do(deed: CopyDeed, effect: () => void): void {
    this.deeds.push(deed);
    if (this.failing.has(deed)) throw new Error(`ENOSPC: ${deed}`);
    effect();
  }
}
