// The SpecCopies port: the remembered desired state, as two identical files on the host's disk. Adapter: node-agent/spec-copies.ts.
import type { KnownSpec } from './known-spec.ts';

/** Two: a rotten block in one costs nothing. Each holds the newest generation only; an older one may say the opposite (design.md). */
export const COPY_NAMES = ['desired-a.json', 'desired-b.json'] as const;
export type CopyName = (typeof COPY_NAMES)[number];

/** Unreadable is not absent: it may hold anything. */
export type CopyState =
  | { readonly state: 'valid'; readonly known: KnownSpec }
  | { readonly state: 'absent' }
  | { readonly state: 'corrupt' }
  | { readonly state: 'unreadable'; readonly message: string };

export type CopyStates = Readonly<Record<CopyName, CopyState>>;

export interface SpecCopies {
  /** Never throws. */
  observe(): Promise<CopyStates>;
  /** Replaces one copy in one step, its content synced. Durable only after `settle`: until then a power cut leaves it or what stood there. @throws on failure. */
  write(copy: CopyName, known: KnownSpec): Promise<void>;
  /** Syncs the content of what stands there; durable only after `settle`. @throws on failure. */
  confirm(copy: CopyName): Promise<void>;
  /** Makes durable that the copies stand where they do: their folder, and those above it. @throws on failure. */
  settle(): Promise<void>;
  /** Moves a corrupt copy out of the way, kept for people. @throws on failure. */
  setAside(copy: CopyName): Promise<void>;
  /** Is the mark there that says, beside the persistent flag, that this host had an agent before? Unknown counts as yes. */
  hasTrace(): Promise<boolean>;
  /** Leaves that mark, durably. @throws on failure. */
  leaveTrace(): Promise<void>;
}
