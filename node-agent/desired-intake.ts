// Takes in what controllers say is desired, over any network: the knowledge decides, and here it is kept who said what, and what was accepted but is
// not applied yet.
import type { DesiredMessage } from '../desired-state/wire.ts';
import type { KnownSpec } from '../reconcilers/copy/known-spec.ts';
import type { ControllerWord } from './host-report.ts';
import type { Journal } from './journal.ts';
import type { Desired, Knowledge } from './knowledge.ts';

/** A newer desired state that is on its way: what it changes, and the network that brought it. */
export interface Transition {
  readonly known: KnownSpec;
  /** What was to be so before it. */
  readonly before: Desired;
  readonly network: string;
}

export class DesiredIntake {
  readonly #knowledge: Knowledge;
  readonly #journal: Journal;
  readonly #words = new Map<string, ControllerWord>();
  #transition: Transition | undefined;

  constructor(knowledge: Knowledge, journal: Journal) {
    this.#knowledge = knowledge;
    this.#journal = journal;
  }

  /** What the controller on each connected network last said. */
  get words(): readonly ControllerWord[] {
    return [...this.#words.values()];
  }

  /** Accepted and not applied yet. */
  get transition(): Transition | undefined {
    return this.#transition;
  }

  /** @returns whether something newer came that is to be applied. */
  take({ generation, spec, since, reason }: DesiredMessage, network: string): boolean {
    const offered: KnownSpec = {
      generation,
      spec,
      ...(since === undefined ? {} : { since }),
      ...(reason === undefined ? {} : { reason }),
    };
    const before = this.#knowledge.desired;
    const verdict = this.#knowledge.offer(offered);
    const word = this.#words.get(network);
    const isNews = word?.generation !== generation || word.verdict !== verdict;
    this.#words.set(network, { network, generation, verdict });
    switch (verdict) {
      case 'accepted':
        this.#transition = { known: offered, before: this.#transition?.before ?? before, network };
        return true;
      case 'confirmed':
        return false;
      case 'behind':
      case 'contradicts':
        if (isNews) this.#journal.refused(verdict, offered, this.#knowledge.generation, network);
        return false;
    }
  }

  /** A controller's ack names the store's generation: one that is behind says that the store is. */
  heard(generation: number, network: string): void {
    const word = this.#words.get(network);
    if (word === undefined || word.generation === generation) return;
    const verdict = generation < this.#knowledge.generation ? 'behind' : word.verdict;
    this.#words.set(network, { ...word, generation, verdict });
  }

  /** The host turned out to know more than what was accepted: that was behind, and is not on its way any more. */
  overruled(): void {
    const transition = this.#transition;
    this.#transition = undefined;
    for (const [network, word] of this.#words) {
      if (word.verdict !== 'accepted' && word.verdict !== 'confirmed') continue;
      const verdict = word.generation < this.#knowledge.generation ? 'behind' : 'contradicts';
      this.#words.set(network, { ...word, verdict });
      if (transition?.network === network) {
        this.#journal.refused(verdict, transition.known, this.#knowledge.generation, network);
      }
    }
  }

  /** The network is lost: what was said over it counts no more. */
  lost(network: string): void {
    this.#words.delete(network);
  }

  /** Flags and copy are as desired up to `generation`: says so once, if that is what was on its way. */
  applied(generation: number): void {
    const transition = this.#transition;
    if (transition === undefined || generation < transition.known.generation) return;
    this.#transition = undefined;
    this.#journal.applied(transition.known, transition.before, transition.network);
  }
}
