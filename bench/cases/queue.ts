/** The hold model, take the earliest event and queue it again, on our timing wheel and on the heaps of npm. */
import { Heap } from 'heap-js';
import { PriorityQueue } from 'js-sdsl';
import { type BenchCase, OURS, OURS_FROM_JS } from '../case.js';
import { benchmarkValues, primitives } from '../primitives.js';

const ROUNDS = 2000;

interface Item {
  time: number;
}

const earlier = (a: Item, b: Item): number => a.time - b.time;

export function queueCases(sizes: readonly number[]): BenchCase[] {
  // As wheelFill and wheelHold cut them.
  const delays = benchmarkValues().map((value) => value >>> 8);
  return sizes.flatMap((size) => {
    const common = { benchmark: 'event queue', size: String(size), unit: 'ns_per_op' as const };
    return [
      { ...common, implementation: OURS, batch: ours(size) },
      { ...common, implementation: OURS_FROM_JS, batch: oursFromJs(size, delays) },
      { ...common, implementation: 'heap-js', batch: heap(size, delays) },
      { ...common, implementation: 'js-sdsl', batch: priorityQueue(size, delays) },
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

function oursFromJs(size: number, delays: Uint32Array): () => number {
  const instance = primitives(size);
  const times = Float64Array.from(delays.subarray(0, size));
  times.forEach((time, index) => {
    instance.wheelInsert(index, time);
  });
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const index = instance.wheelPop(Number.MAX_SAFE_INTEGER);
      const time = (times[index] ?? 0) + (delays[taken++ % delays.length] ?? 0);
      times[index] = time;
      instance.wheelInsert(index, time);
    }
    return ROUNDS;
  };
}

const items = (size: number, delays: Uint32Array): Item[] => Array.from(delays.subarray(0, size), (time) => ({ time }));

function heap(size: number, delays: Uint32Array): () => number {
  const queue = new Heap<Item>(earlier);
  queue.init(items(size, delays));
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const item = queue.pop();
      if (item === undefined) break;
      item.time += delays[taken++ % delays.length] ?? 0;
      queue.push(item);
    }
    return ROUNDS;
  };
}

function priorityQueue(size: number, delays: Uint32Array): () => number {
  const queue = new PriorityQueue<Item>(items(size, delays), earlier);
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const item = queue.pop();
      if (item === undefined) break;
      item.time += delays[taken++ % delays.length] ?? 0;
      queue.push(item);
    }
    return ROUNDS;
  };
}
