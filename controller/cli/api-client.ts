// The controller's API as typed calls: for the CLI, the demo and tests. Everything that arrives is parsed.
import { z } from 'zod';
import { LockstepError } from '../../desired-state/errors.ts';
import { eventListSchema, type StoredEvent, storedEventSchema } from '../../desired-state/events.ts';
import { type Host, type HostList, hostListSchema, hostSchema } from '../../desired-state/host.ts';
import { parseOrThrow } from '../../desired-state/parse.ts';
import { mediaTypeOfForm } from '../api/accept.ts';
import {
  ACTOR_HEADER,
  type ApplyBody,
  type Change,
  changeListSchema,
  changeSchema,
  type DeclareBody,
  goneSchema,
  type HostPlan,
  hostPlanSchema,
  type LockBody,
  type ManifestFileList,
  manifestFileListSchema,
  type Table,
  tableSchema,
} from '../api/schemas.ts';
import { type Limit, timedOut } from './deadline.ts';
import { askOnce, askText, doubtAfter, type HttpRequest, streamEvents } from './unix-http.ts';

export type Action = 'lock' | 'unlock' | 'enable-services' | 'disable-services';

/** What a watch of hosts tells. `synced`: everything that was there has been told. */
export type HostNews =
  | { readonly type: 'host'; readonly host: Host }
  | { readonly type: 'gone'; readonly name: string }
  | { readonly type: 'synced' };

export interface ApiClientOptions {
  readonly socketPath: string;
  /** Who asks: events and annotations name them. */
  readonly actor: string;
  /** For all calls but watches. */
  readonly limit?: Limit | undefined;
}

/** Every call throws LockstepError: with the controller's own code, `Unavailable` when it can't be reached, or `TimedOut` beyond the limit. */
export class ApiClient {
  readonly socketPath: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #limit: Limit | undefined;

  constructor({ socketPath, actor, limit }: ApiClientOptions) {
    this.socketPath = socketPath;
    this.#limit = limit;
    this.#headers = { [ACTOR_HEADER]: encodeURIComponent(actor) };
  }

  /** @param signal gives up: `Unavailable`. */
  async listHosts(
    query: { readonly labelSelector?: string | undefined } = {},
    signal?: AbortSignal,
  ): Promise<HostList> {
    const answer = await this.#ask('GET', `/v1/hosts${queryOf(query)}`, undefined, signal);
    return parseOrThrow(hostListSchema, answer, 'answer to the list of hosts');
  }

  /** What is to be shown of the hosts, which takes a tenth of the time that they take; a controller that is older than tables answers with the hosts. */
  async tableOfHosts(query: { readonly labelSelector?: string | undefined } = {}): Promise<Table | HostList> {
    const asked = { method: 'GET', path: `/v1/hosts${queryOf(query)}` } as const;
    const headers = { ...this.#headers, accept: `${mediaTypeOfForm('Table')}, application/json` };
    const answer = await askOnce(this.socketPath, { ...asked, headers });
    return parseOrThrow(tableOrListSchema, answer, 'answer to the table of hosts');
  }

  async getHost(name: string): Promise<Host> {
    const answer = await this.#ask('GET', `/v1/hosts/${encodeURIComponent(name)}`);
    return parseOrThrow(hostSchema, answer, `answer for host ${name}`);
  }

  async declare(body: DeclareBody): Promise<Change> {
    return parseOrThrow(changeSchema, await this.#ask('POST', '/v1/hosts', body), 'answer to declare');
  }

  async remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    await this.#ask('DELETE', `/v1/hosts/${encodeURIComponent(name)}${force ? '?force=true' : ''}`);
  }

  /** What became of each target, in the order that they were named. */
  async change(action: Action, body: LockBody): Promise<readonly Change[]> {
    const answer = await this.#ask('POST', `/v1/hosts/actions/${action}`, body);
    return parseOrThrow(changeListSchema.pick({ items: true }), answer, `answer to ${action}`).items;
  }

  /** Makes a host as its manifest says. @throws LockstepError `Conflict` when it is not at the manifest's generation. */
  async apply(body: ApplyBody): Promise<Change> {
    const path = `/v1/hosts/${encodeURIComponent(body.manifest.metadata.name)}`;
    return parseOrThrow(changeSchema, await this.#ask('PUT', path, body), 'answer to apply');
  }

  /** What the host's agent would do now. @throws LockstepError `Unavailable` when it is not connected or does not answer. */
  async planOf(name: string): Promise<HostPlan> {
    const answer = await this.#ask('GET', `/v1/hosts/${encodeURIComponent(name)}/plan`);
    return parseOrThrow(hostPlanSchema, answer, `answer to the plan of ${name}`);
  }

  /** The files of the controller's manifests folder. */
  async manifests(): Promise<ManifestFileList> {
    return parseOrThrow(
      manifestFileListSchema,
      await this.#ask('GET', '/v1/manifests'),
      'answer to manifests',
    );
  }

  /** Newest last. */
  async events(query: {
    readonly host?: string | undefined;
    readonly limit?: number;
  }): Promise<readonly StoredEvent[]> {
    const answer = await this.#ask('GET', `/v1/events${queryOf(query)}`);
    return parseOrThrow(eventListSchema, answer, 'answer to events').items;
  }

  /** The controller's metrics in Prometheus' text format. */
  metrics(): Promise<string> {
    return askText(this.socketPath, { method: 'GET', path: '/metrics', headers: this.#headers });
  }

  /** @throws LockstepError `Unavailable` until the controller can serve. */
  async ready(): Promise<void> {
    await this.#ask('GET', '/readyz');
  }

  /** Hosts as they are, then `synced`, then as they change; until `signal` aborts. @throws when the connection breaks. */
  async *watchHosts(query: WatchQuery, signal: AbortSignal): AsyncGenerator<HostNews, void, undefined> {
    const { names, labelSelector } = query;
    const path = `/v1/watch${queryOf({ names: names?.join(','), labelSelector })}`;
    for await (const { event, data } of this.#stream(path, signal)) {
      if (event === 'host') yield { type: 'host', host: parseOrThrow(hostSchema, data, 'watch of hosts') };
      else if (event === 'gone') yield { type: 'gone', ...parseOrThrow(goneSchema, data, 'watch of hosts') };
      else if (event === 'synced') yield { type: 'synced' };
    }
  }

  /** The newest `limit` events, then each as it happens; until `signal` aborts. @throws when the connection breaks. */
  async *watchEvents(
    query: { readonly host?: string; readonly limit?: number },
    signal: AbortSignal,
  ): AsyncGenerator<StoredEvent, void, undefined> {
    for await (const { event, data } of this.#stream(`/v1/events/watch${queryOf(query)}`, signal)) {
      if (event === 'event') yield parseOrThrow(storedEventSchema, data, 'watch of events');
    }
  }

  async #ask(
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    signal = this.#limit?.signal,
  ): Promise<unknown> {
    const asked = { method, path, body, headers: this.#headers };
    try {
      return await askOnce(this.socketPath, signal === undefined ? asked : { ...asked, signal });
    } catch (error) {
      if (this.#limit?.signal.aborted !== true) throw error;
      const silence = `no answer of the controller at unix:${this.socketPath}`;
      throw timedOut(this.#limit, silence + doubtAfter(method));
    }
  }

  async *#stream(path: string, signal: AbortSignal) {
    yield* streamEvents(this.socketPath, { method: 'GET', path, headers: this.#headers, signal });
    if (signal.aborted) return;
    throw new LockstepError('Unavailable', `the controller at unix:${this.socketPath} ended the watch`);
  }
}

export interface WatchQuery {
  /** At most about 200 of them: they travel in the request's line. */
  readonly names?: readonly string[] | undefined;
  readonly labelSelector?: string | undefined;
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** As tableSchema, but all rows in one go: there are 17 cells for each host, and zod's own way of looking at each costs more than the rest of the answer. */
const quickTableSchema = tableSchema.extend({
  rows: z.custom<Table['rows']>(isRows, 'expected rows of cells of text'),
});
const tableOrListSchema = z.discriminatedUnion(
  'kind',
  [quickTableSchema, hostListSchema],
  'expected a Table or a HostList',
);

function isRows(value: unknown): boolean {
  return Array.isArray(value) && value.every(isRow);
}

function isRow(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('cells' in value)) return false;
  return Array.isArray(value.cells) && value.cells.every((cell) => typeof cell === 'string');
}
