/** The oracle of the timing wheel: a binary heap by time and order of insertion, written to be obvious, not fast. */

interface Entry {
  index: number;
  time: number;
  order: number;
}

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

export class OracleHeap {
  /** The children of entry i are 2i + 1 and 2i + 2, and never before it. */
  #entries: Entry[] = [];
  #inserted = 0;

  insert(index: number, time: number): void {
    this.#entries.push({ index, time, order: this.#inserted++ });
    let child = this.#entries.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfBefore(child, parent)) return;
      child = parent;
    }
  }

  /** Takes the earliest entry out unless it is later than `limit`. */
  pop(limit: number): { index: number; time: number } | undefined {
    const [first] = this.#entries;
    if (first === undefined || first.time > limit) return undefined;
    this.remove(first.index);
    return first;
  }

  /** Takes an entry out by building the heap anew of the others, in any order: `order` keeps the ties. */
  remove(index: number): void {
    const others = this.#entries.filter((entry) => entry.index !== index);
    this.#entries = [];
    const inserted = this.#inserted;
    for (const { index, time, order } of others) {
      this.#inserted = order;
      this.insert(index, time);
    }
    this.#inserted = inserted;
  }

  timeOf(index: number): number | undefined {
    return this.#entries.find((entry) => entry.index === index)?.time;
  }

  get indices(): number[] {
    return this.#entries.map(({ index }) => index);
  }

  /** Whether an entry waits for exactly this time. */
  hasTime(time: number): boolean {
    return this.#entries.some((entry) => entry.time === time);
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [first, second] = [this.#entries[a], this.#entries[b]];
    if (first === undefined || second === undefined || !isBefore(first, second)) return false;
    this.#entries[a] = second;
    this.#entries[b] = first;
    return true;
  }
}
