/** The hold model, take the earliest event and queue it again, on our timing wheel and on the heaps of npm. */
import { Heap } from 'heap-js';
import { PriorityQueue } from 'js-sdsl';
import { type BenchCase, generator, OURS } from '../case.js';
import { primitives } from '../primitives.js';

const ROUNDS = 2000;

interface Item {
  time: number;
}

const earlier = (a: Item, b: Item): number => a.time - b.time;

export function queueCases(sizes: readonly number[]): BenchCase[] {
  return sizes.flatMap((size) => {
    const common = { benchmark: 'event queue', size: String(size), unit: 'ns_per_op' as const };
    return [
      { ...common, implementation: OURS, batch: ours(size) },
      { ...common, implementation: 'heap-js', batch: heap(size) },
      { ...common, implementation: 'js-sdsl', batch: priorityQueue(size) },
    ];
  });
}

function ours(size: number): () => number {
  const instance = primitives(size);
  instance.wheelFill();
  return () => {
    instance.wheelHold(ROUNDS);
    return ROUNDS;
  };
}

function items(size: number, next: () => number): Item[] {
  return Array.from({ length: size }, () => ({ time: next() >>> 8 }));
}

function heap(size: number): () => number {
  const next = generator(1);
  const queue = new Heap<Item>(earlier);
  queue.init(items(size, next));
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const item = queue.pop();
      if (item === undefined) break;
      item.time += next() >>> 8;
      queue.push(item);
    }
    return ROUNDS;
  };
}

function priorityQueue(size: number): () => number {
  const next = generator(1);
  const queue = new PriorityQueue<Item>(items(size, next), earlier);
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const item = queue.pop();
      if (item === undefined) break;
      item.time += next() >>> 8;
      queue.push(item);
    }
    return ROUNDS;
  };
}
