// A binary heap of events by time, then by the order in which they were set. Cancelled events stay until they surface.

/** Whoever an event belongs to: once it is not alive, its events are gone. */
export interface EventOwner {
  readonly alive: boolean;
}

export interface SimEvent {
  readonly atMs: number;
  readonly order: number;
  /** undefined: cancelled. */
  fire: (() => void) | undefined;
  owner: EventOwner | undefined;
}

export class EventHeap {
  readonly #items: SimEvent[] = [];

  push(event: SimEvent): void {
    const items = this.#items;
    let index = items.length;
    items.push(event);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || isBefore(parent, event)) break;
      items[index] = parent;
      index = above;
    }
    items[index] = event;
  }

  /** Takes the earliest live event out, if it is due at `untilMs` or before. */
  popUntil(untilMs: number): SimEvent | undefined {
    for (;;) {
      const first = this.#items[0];
      if (first === undefined || first.atMs > untilMs) return undefined;
      this.#removeFirst();
      if (first.fire !== undefined && first.owner?.alive !== false) return first;
    }
  }

  #removeFirst(): void {
    const items = this.#items;
    const moved = items.pop();
    if (moved === undefined || items.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const leftChild = items[left];
      if (leftChild === undefined) break;
      const rightChild = items[left + 1];
      const takesRight = rightChild !== undefined && isBefore(rightChild, leftChild);
      const child = takesRight ? rightChild : leftChild;
      if (isBefore(moved, child)) break;
      items[index] = child;
      index = takesRight ? left + 1 : left;
    }
    items[index] = moved;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
