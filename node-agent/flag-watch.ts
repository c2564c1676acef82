// The FlagWatch port: asks for a look when something happens at a flag's path. Adapter: linux/flag-watch.ts. The resync is what is relied on.

export interface FlagWatch {
  /** Begins; `onEvent` is called for each happening, without saying which. Never throws. */
  start(onEvent: () => void): void;
  /** Watches again what was lost, a folder that was deleted or replaced; cheap when nothing was. Never throws. */
  rearm(): void;
  close(): Promise<void>;
}
