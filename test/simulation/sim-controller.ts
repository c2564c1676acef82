// The simulated controller: the production use cases and gateway over a store that outlives its process, and backups of it.
import { AgentGateway } from '../../controller/gateway/agent-gateway.ts';
import { Hosts } from '../../controller/hosts.ts';
import { type MemorySnapshot, MemoryStore } from '../../desired-state/store/memory.ts';
import type { Connection } from '../../desired-state/wire.ts';
import type { SimClock } from './world/sim-clock.ts';
import type { SimLog } from './world/sim-log.ts';
import type { SimNetwork } from './world/sim-network.ts';
import { SimProcess } from './world/sim-process.ts';

/** Connections that are kept to send garbage over, at most. */
const MAX_KEPT_CONNECTIONS = 16;

export class SimController {
  readonly #clock: SimClock;
  readonly #log: SimLog;
  readonly #networks: readonly SimNetwork[];
  #store = new MemoryStore();
  #backup: MemorySnapshot = this.#store.snapshot();
  #storeWentBack = false;
  #process: SimProcess;
  #hosts: Hosts | undefined;
  #connections: readonly Connection[] = [];
  #received = 0;
  #starts = 0;

  constructor(clock: SimClock, log: SimLog, networks: readonly SimNetwork[]) {
    this.#clock = clock;
    this.#log = log;
    this.#networks = networks;
    this.#process = new SimProcess('controller/off', clock);
    this.#process.kill();
  }

  /** What people ask; undefined while the controller is down. */
  get hosts(): Hosts | undefined {
    return this.#process.alive ? this.#hosts : undefined;
  }

  /** Messages of agents other than heartbeats and events, so far: events of the minute before may still be on their way, merged. */
  get received(): number {
    return this.#received;
  }

  start(): void {
    if (this.#process.alive) return;
    this.#starts += 1;
    const process = new SimProcess(`controller-${this.#starts}`, this.#clock);
    const { clock } = process;
    const log = this.#log.for(process);
    const store = MemoryStore.restore(this.#store.snapshot());
    this.#store = store;
    this.#process = process;
    this.#hosts = new Hosts({ store, clock, log });
    const gateway = new AgentGateway({ hosts: this.#hosts, store, clock, log });
    void gateway.start();
    for (const network of this.#networks) {
      network.listen(process, (connection, name) => {
        this.#keep(connection);
        gateway.accept(
          counted(connection, () => (this.#received += 1)),
          name,
        );
      });
    }
  }

  crash(): void {
    this.#process.kill();
    this.#connections = [];
  }

  /** Keeps the store as it is now. */
  backUp(): void {
    this.#backup = this.#store.snapshot();
  }

  /** A backup was restored: what was accepted since it was made is gone, and what is accepted before an agent is back may be numbered below it. */
  get storeWentBack(): boolean {
    return this.#storeWentBack;
  }

  /** Crashes, and finds the backup in the store's place when it starts again: what was accepted since is gone. */
  restoreBackup(): void {
    this.crash();
    this.#store = MemoryStore.restore(this.#backup);
    this.#storeWentBack = true;
  }

  /** Sends `text` to agents over connections that were open lately, as a broken or newer peer would. */
  sendRaw(text: string): void {
    for (const connection of this.#connections) connection.send(text);
  }

  #keep(connection: Connection): void {
    this.#connections = [...this.#connections.slice(1 - MAX_KEPT_CONNECTIONS), connection];
  }
}

function counted(connection: Connection, count: () => void): Connection {
  return {
    send: (text) => connection.send(text),
    close: (reason) => connection.close(reason),
    onClose: (listener) => connection.onClose(listener),
    onMessage: (listener) => {
      connection.onMessage((text) => {
        if (!/^\{"type":"(heartbeat|event)"/.test(text)) count();
        listener(text);
      });
    },
  };
}
