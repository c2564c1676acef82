// What an agent is told when something of it is refused. Pure.

/** A refused message's type, and why, for the agent's log. */
export interface Refusal {
  readonly re: string;
  readonly message: string;
}

/** The wire's bound for a nack's message, in characters. */
const MAX_NACK = 1_024;

export function nackOf({ re, message }: Refusal): Refusal & { readonly type: 'nack' } {
  return { type: 'nack', re, message: message.slice(0, MAX_NACK) };
}

/** The type that a malformed message claims, for the nack. */
export function claimedType(text: string): string {
  try {
    const json: unknown = JSON.parse(text);
    const claims = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
    return typeof claims === 'string' ? claims.slice(0, 64) : 'malformed';
  } catch {
    return 'malformed';
  }
}
