/** A run queue's work, erase the leftmost and insert it further right, on our red-black tree and on the trees of npm. */
import createTree from 'functional-red-black-tree';
import { OrderedMap } from 'js-sdsl';
import sortedBtree from 'sorted-btree';
import { type BenchCase, OURS, OURS_FROM_JS } from '../case.js';
import { benchmarkValues, primitives } from '../primitives.js';

const ROUNDS = 2000;

export function treeCases(sizes: readonly number[]): BenchCase[] {
  const steps = benchmarkValues();
  return sizes.flatMap((size) => {
    const common = { benchmark: 'red-black tree', size: String(size), unit: 'ns_per_op' as const };
    return [
      { ...common, implementation: OURS, batch: ours(size) },
      { ...common, implementation: OURS_FROM_JS, batch: oursFromJs(size, steps) },
      { ...common, implementation: 'sorted-btree', batch: sortedBTree(size, steps) },
      { ...common, implementation: 'js-sdsl', batch: orderedMap(size, steps) },
      { ...common, implementation: 'functional-red-black-tree', batch: functionalTree(size, steps) },
    ];
  });
}

function ours(size: number): () => number {
  const instance = primitives(size);
  instance.treeFill();
  return () => {
    instance.treeChurn(ROUNDS);
    return ROUNDS;
  };
}

function oursFromJs(size: number, steps: Uint32Array): () => number {
  const instance = primitives(size);
  const keys = Float64Array.from(steps.subarray(0, size));
  const insert = (index: number, key: number): void => {
    keys[index] = key;
    instance.treeInsert(index, key, key / 2 ** 32);
  };
  keys.forEach((key, index) => {
    insert(index, key);
  });
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const index = instance.treeLeftmost();
      instance.treeErase(index);
      insert(index, (keys[index] ?? 0) + (steps[taken++ % steps.length] ?? 0));
    }
    return ROUNDS;
  };
}

/**
 * The first keys of npm's maps, which keep no two equal ones: each item's own fraction makes them differ, and whole steps keep it.
 * A 16-bit fraction leaves 37 bits before the point, which the longest run stays far below.
 */
const firstKeys = (size: number, steps: Uint32Array): Float64Array =>
  Float64Array.from(steps.subarray(0, size), (step, item) => step + item / size);

function sortedBTree(size: number, steps: Uint32Array): () => number {
  // With a comparator of numbers it is faster than with its own of anything.
  const tree = new sortedBtree.default<number, number>(undefined, (a, b) => a - b);
  firstKeys(size, steps).forEach((key, item) => {
    tree.set(key, item);
  });
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const key = tree.minKey() ?? 0;
      tree.delete(key);
      tree.set(key + (steps[taken++ % steps.length] ?? 0), round);
    }
    return ROUNDS;
  };
}

function orderedMap(size: number, steps: Uint32Array): () => number {
  const tree = new OrderedMap<number, number>();
  firstKeys(size, steps).forEach((key, item) => {
    tree.setElement(key, item);
  });
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const first = tree.begin();
      const key = first.pointer[0];
      tree.eraseElementByIterator(first);
      tree.setElement(key + (steps[taken++ % steps.length] ?? 0), round);
    }
    return ROUNDS;
  };
}

function functionalTree(size: number, steps: Uint32Array): () => number {
  let tree = createTree<number, number>();
  firstKeys(size, steps).forEach((key, item) => {
    tree = tree.insert(key, item);
  });
  let taken = size;
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const first = tree.begin;
      const key = (first.key ?? 0) + (steps[taken++ % steps.length] ?? 0);
      tree = first.remove().insert(key, first.value ?? 0);
    }
    return ROUNDS;
  };
}
