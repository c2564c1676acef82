// The newest plan that had anything in it, for the status: what the passes did for one change or one drift, and what they held. It only keeps; passes
// decide. Whatever a host goes through, it is news as often as something new is in it, and at most once a minute else (I7).
import { messageOf } from '../desired-state/errors.ts';
import { MAX_REPORTED_SENTENCE, MAX_REPORTED_STEPS, type ReportedPlan } from '../desired-state/host.ts';
import { FLAG_NAMES } from '../reconcilers/flags/flag-files.ts';
import { type Clock, nowIso } from '../reconcilers/loop/clock.ts';
import { type Blocked, describeBlocked, describeStep } from '../reconcilers/loop/plan.ts';
import type { FlagsView } from './flags-pass.ts';
import type { ServicesView } from './services-pass.ts';

/** What is to be done within that of a beginning belongs to it, ms: the time within which equal events are one, too. */
const TOGETHER_MS = 60_000;
/** Characters of all steps, and of all that is held: a status with thousands of services has to fit one message with them. */
const MAX_CHARACTERS = 16_384;

/** What holds something back; of one target and reason only the first is kept, so counts in later ones are no news. */
interface Hold {
  readonly target: string;
  readonly reason: string;
  readonly sentence: string;
}

/** What one pass had to do. */
interface Had {
  readonly steps: readonly { readonly target: string; readonly sentence: string }[];
  readonly holds: readonly Hold[];
}

/** What the passes of one key had to do, from its beginning until nothing was left. Bounded: services are, and so are the sentences about one. */
interface Episode {
  readonly at: string;
  readonly begunAtMs: number;
  readonly generation: number;
  readonly steps: Set<string>;
  readonly holds: Map<string, Hold>;
  /** The newest pass still had something to do. */
  isOpen: boolean;
}

type Key = 'flags' | 'services';

export class LastPlan {
  readonly #clock: Clock;
  readonly #episodes: Record<Key, Episode | undefined> = { flags: undefined, services: undefined };
  #flags: FlagsView | undefined;
  #services: ServicesView | undefined;
  #reported: ReportedPlan | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes in the newest passes; those seen before count no more.
   * @param isBusy an operation is under way: a services pass with an empty plan is then not the end of it.
   * @returns undefined: no pass had anything to do since the agent started.
   */
  note(
    flags: FlagsView | undefined,
    services: ServicesView | undefined,
    isBusy: boolean,
  ): ReportedPlan | undefined {
    if (flags !== undefined && flags !== this.#flags) {
      this.#take('flags', flags.desired.generation, hadOfFlags(flags), false);
    }
    if (services !== undefined && services !== this.#services) {
      this.#take('services', services.desired.generation, hadOfServices(services), isBusy);
    }
    this.#flags = flags;
    this.#services = services;
    return this.#reported;
  }

  #take(key: Key, generation: number, had: Had, isBusy: boolean): void {
    const before = this.#episodes[key];
    if (had.steps.length === 0 && had.holds.length === 0) {
      if (before !== undefined && !isBusy) before.isOpen = false;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const goesOn =
      before?.generation === generation && (before.isOpen || nowMs - before.begunAtMs < TOGETHER_MS);
    const episode = goesOn ? before : this.#begin(generation, nowMs);
    episode.isOpen = true;
    this.#episodes[key] = episode;
    if (add(episode, had)) this.#reported = this.#compose(episode);
  }

  #begin(generation: number, begunAtMs: number): Episode {
    const at = nowIso(this.#clock);
    return { at, begunAtMs, generation, steps: new Set(), holds: new Map(), isOpen: true };
  }

  /** The newest episode, with the other key's where that goes on still or belongs to the same change. */
  #compose(changed: Episode): ReportedPlan {
    const { flags, services } = this.#episodes;
    const known = [flags, services].filter((episode) => episode !== undefined);
    const newest = known.reduce((a, b) => (b.begunAtMs > a.begunAtMs ? b : a), changed);
    const told = known.filter(
      ({ generation, isOpen, begunAtMs }) =>
        generation === newest.generation && (isOpen || newest.begunAtMs - begunAtMs < TOGETHER_MS),
    );
    return {
      at: newest.at,
      generation: newest.generation,
      steps: bounded(told.flatMap(({ steps }) => [...steps])),
      blocked: bounded(told.flatMap(({ holds }) => [...holds.values()].map(({ sentence }) => sentence))),
    };
  }
}

/** @returns whether there was anything new in it. A step that is new is held no more; one that is tried again and again stays as held as it was. */
function add(episode: Episode, { steps, holds }: Had): boolean {
  let isNews = false;
  for (const { target, sentence } of steps) {
    if (episode.steps.has(sentence)) continue;
    episode.steps.add(sentence);
    for (const [key, hold] of episode.holds) if (hold.target === target) episode.holds.delete(key);
    isNews = true;
  }
  for (const hold of holds) {
    const key = `${hold.target} ${hold.reason}`;
    if (episode.holds.has(key)) continue;
    episode.holds.set(key, hold);
    isNews = true;
  }
  return isNews;
}

/** What was done, and what was not and why. A confirmation changes nothing on the host: no step for people. */
function hadOfFlags({ result, copyFailure }: FlagsView): Had {
  const { plan, done, failures } = result;
  const failed = copyFailure === undefined ? failures : [copyFailure, ...failures];
  return {
    steps: done
      .filter(({ kind }) => kind !== 'confirm')
      .map((step) => ({ target: step.target, sentence: describeStep(step) })),
    holds: [
      ...plan.blocked.map((blocked) => ({
        target: FLAG_NAMES.find((name) => blocked.target === `${name} flag`) ?? blocked.target,
        reason: blocked.reason,
        sentence: describeBlocked(blocked),
      })),
      ...failed.map(({ step, error }) => ({
        target: step.target,
        reason: 'Failed',
        sentence: `${describeStep(step)}, but: ${messageOf(error)}`,
      })),
    ],
  };
}

/** Whether a run then succeeded is the services' own to say. That a run ended during the look passes with the next one. */
function hadOfServices({ result }: ServicesView): Had {
  const { steps, blocked } = result.plan;
  return {
    steps: steps.map((step) => ({ target: step.target, sentence: describeStep(step) })),
    holds: blocked
      .filter(({ reason }) => reason !== 'LookAgain')
      .map((held) => ({ target: held.target, reason: held.reason, sentence: describeHeld(held) })),
  };
}

/** How often it failed by now would be said as of the first time only: left out. */
function describeHeld(held: Blocked): string {
  const message =
    held.reason === 'BackedOff' ? 'its last run failed, the next try is backed off' : held.message;
  return describeBlocked({ ...held, message });
}

/** To what a status takes; the last entry says how many more there were. */
function bounded(sentences: readonly string[]): string[] {
  const kept: string[] = [];
  let characters = 0;
  for (const [index, sentence] of sentences.entries()) {
    const text = sentence.slice(0, MAX_REPORTED_SENTENCE);
    characters += text.length;
    const isLast = index === sentences.length - 1;
    if (characters > MAX_CHARACTERS || (kept.length === MAX_REPORTED_STEPS - 1 && !isLast)) {
      return [...kept, `and ${sentences.length - kept.length} more`];
    }
    kept.push(text);
  }
  return kept;
}
