// The record of each service's last start or stop, in runDir: written before the run, when its pid is known, and after it. It finds runs that an earlier
// life of the agent left, and is all that is known of a script without `status`. Gone with the boot: no fsync, and a record of another boot counts as none.
import { join } from 'node:path';
import { z } from 'zod';
import { errnoOf, messageOf } from '../../../desired-state/errors.ts';
import type { Role } from '../../../desired-state/host.ts';
import { parseOrThrow } from '../../../desired-state/parse.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import type { Service } from '../../../reconcilers/services/service-driver.ts';
import { writeAtomically } from '../../atomic-write.ts';
import type { Disk } from '../../disk.ts';
import { removeIfThere } from './output-files.ts';
import { serviceOf } from './script-sets.ts';

const runRecordSchema = z.object({
  bootId: z.string().max(128),
  verb: z.enum(['start', 'stop']),
  runId: z.string().max(64),
  startedAt: z.iso.datetime(),
  /** The script's process; null: not known yet. */
  leader: z.object({ pid: z.int().min(1), startTicks: z.int().min(0) }).nullable(),
  /** null: it is under way, or nobody saw its end. */
  end: z.object({ succeeded: z.boolean(), message: z.string().max(4_096) }).nullable(),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

export type RecordLook =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly record: RunRecord }
  | { readonly kind: 'damaged'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly message: string };

/** A record is a few hundred bytes, and at most 4,096 characters of message. */
const MAX_RECORD_BYTES = 65_536;
const EXTENSION = '.json';

export interface RunRecordsOptions {
  /** `<runDir>/services`. */
  readonly folder: string;
  readonly bootId: string;
  readonly disk: Disk;
  readonly log: Log;
}

export class RunRecords {
  readonly #options: RunRecordsOptions;
  /** Records that could not be written, newest only: they count until they can be. At most one a service. */
  readonly #unwritten = new Map<string, RunRecord>();

  constructor(options: RunRecordsOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async find(service: Service): Promise<RecordLook> {
    const { disk, bootId } = this.#options;
    const unwritten = this.#unwritten.get(service.id);
    if (unwritten !== undefined) return { kind: 'found', record: unwritten };
    const path = this.#pathOf(service);
    try {
      const text = await disk.read(path, MAX_RECORD_BYTES);
      const record = parseRecord(text, path);
      if (record === undefined) return { kind: 'damaged', text };
      return record.bootId === bootId ? { kind: 'found', record } : { kind: 'none' };
    } catch (error) {
      return errnoOf(error) === 'ENOENT'
        ? { kind: 'none' }
        : { kind: 'unreadable', message: messageOf(error) };
    }
  }

  /** Writes the record; false (logged) when it can't be written: it is then kept in memory until it can, or the agent ends. */
  async save(service: Service, record: RunRecord): Promise<boolean> {
    try {
      await writeAtomically(this.#options.disk, this.#pathOf(service), JSON.stringify(record), {
        mode: 0o600,
      });
      this.#unwritten.delete(service.id);
      return true;
    } catch (error) {
      this.#unwritten.set(service.id, record);
      this.#options.log.warn(
        { service: service.id, error: messageOf(error) },
        'the record of a run could not be written',
      );
      return false;
    }
  }

  /**
   * Puts `record` in the place of a damaged one, whose `text` is kept beside it for whoever wants to know what happened. Never is there none between:
   * a look meanwhile would take the service for stopped.
   */
  async replaceDamaged(service: Service, text: string, record: RunRecord): Promise<void> {
    const { disk, log } = this.#options;
    const kept = `${this.#pathOf(service)}.damaged`;
    try {
      await writeAtomically(disk, kept, text, { mode: 0o600 });
      log.error({ service: service.id, kept }, 'the record of a run is damaged and was set aside');
    } catch (error) {
      log.error(
        { service: service.id, error: messageOf(error) },
        'the record of a run is damaged and could not be set aside',
      );
    }
    await this.save(service, record);
  }

  /** Services of `set` that a record lies there of. @throws when the folder can't be read. */
  async list(set: Role): Promise<readonly Service[]> {
    const names = await this.#options.disk.list(join(this.#options.folder, set));
    return names
      .filter((name) => name.endsWith(EXTENSION))
      .map((name) => serviceOf(set, name.slice(0, -EXTENSION.length)));
  }

  /** @throws when it can't be removed. */
  async forget(service: Service): Promise<void> {
    this.#unwritten.delete(service.id);
    await removeIfThere(this.#options.disk, this.#pathOf(service));
  }

  #pathOf({ set, name }: Service): string {
    return join(this.#options.folder, set, name + EXTENSION);
  }
}

function parseRecord(text: string, path: string): RunRecord | undefined {
  try {
    return parseOrThrow(runRecordSchema, JSON.parse(text), path);
  } catch {
    return undefined;
  }
}
