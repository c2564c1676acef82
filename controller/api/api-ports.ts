// What the API asks of the rest of the controller besides its hosts: ports, whose adapters the composition root brings.
import type { HostPlan, ManifestFileList } from './schemas.ts';

export interface Plans {
  /** Asks the host's agent what it would do now. @throws LockstepError `NotFound` for an unknown host, `Unavailable` when its agent is not connected or does not answer in time. */
  planOf(host: string): Promise<HostPlan>;
}

export interface Manifests {
  /** The files of the manifests folder as they now stand; `folder` null when there is none. */
  list(): ManifestFileList;
}

export interface Metrics {
  /** The media type of what `text` gives. */
  readonly contentType: string;
  /** All metrics in Prometheus' exposition format. */
  text(): Promise<string>;
  /** An answered request. @param route its path as the API names it, `/v1/hosts/{name}`, never with a name in it; @param durationMs from its arrival to its answer. */
  observeRequest(request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly durationMs: number;
  }): void;
}
