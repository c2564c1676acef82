// Tells the metrics of each request that was answered. It knows when requests arrived, and nothing of what they ask.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../../reconcilers/loop/clock.ts';
import { routeNameOf } from './add-routes.ts';
import type { Metrics } from './api-ports.ts';

export class RequestMeter {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  /** Of those that are not answered yet. */
  readonly #arrivedMs = new WeakMap<FastifyRequest, number>();

  constructor(api: FastifyInstance, metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    api.addHook('onRequest', async (request) => this.arrived(request));
    api.addHook('onResponse', async (request, reply) => this.answered(request, reply.statusCode));
  }

  /** The hooks call it; so must who answers a request that Fastify runs no hooks for. */
  arrived(request: FastifyRequest): void {
    this.#arrivedMs.set(request, this.#clock.monotonicMs());
  }

  /** Counts once, however often it is told of the same request. */
  answered(request: FastifyRequest, status: number): void {
    const arrivedMs = this.#arrivedMs.get(request);
    if (arrivedMs === undefined) return;
    this.#arrivedMs.delete(request);
    this.#metrics.observeRequest({
      method: request.method,
      route: routeNameOf(request),
      status,
      durationMs: this.#clock.monotonicMs() - arrivedMs,
    });
  }
}
