// Stored objects are shared by their readers: one that changes what it was given fails at once instead of changing the store.

/** Freezes plain data through and through. What is frozen already is taken to be so through and through. */
export function deepFreeze<T>(value: T): T {
  if (Object.isFrozen(value)) return value;
  for (const part of Object.values(value ?? {})) deepFreeze(part);
  return Object.freeze(value);
}
