/** A run queue's work, erase the leftmost and insert it further right, on our red-black tree and on the trees of npm. */
import createTree from 'functional-red-black-tree';
import { OrderedMap } from 'js-sdsl';
import sortedBtree from 'sorted-btree';
import { type BenchCase, generator, OURS } from '../case.js';
import { primitives } from '../primitives.js';

const ROUNDS = 2000;

export function treeCases(sizes: readonly number[]): BenchCase[] {
  return sizes.flatMap((size) => {
    const common = { benchmark: 'red-black tree', size: String(size), unit: 'ns_per_op' as const };
    return [
      { ...common, implementation: OURS, batch: ours(size) },
      { ...common, implementation: 'sorted-btree', batch: sortedBTree(size) },
      { ...common, implementation: 'js-sdsl', batch: orderedMap(size) },
      { ...common, implementation: 'functional-red-black-tree', batch: functionalTree(size) },
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

/** Keys that never collide: a random step plus the item's own fraction. */
const keyOf = (key: number, step: number, item: number, size: number): number => Math.floor(key) + step + item / size;

function sortedBTree(size: number): () => number {
  const next = generator(1);
  const tree = new sortedBtree.default<number, number>();
  for (let i = 0; i < size; i++) tree.set(keyOf(0, next(), i, size), i);
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const key = tree.minKey() ?? 0;
      const item = tree.get(key) ?? 0;
      tree.delete(key);
      tree.set(keyOf(key, next(), item, size), item);
    }
    return ROUNDS;
  };
}

function orderedMap(size: number): () => number {
  const next = generator(1);
  const tree = new OrderedMap<number, number>();
  for (let i = 0; i < size; i++) tree.setElement(keyOf(0, next(), i, size), i);
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const first = tree.begin();
      const [key, item] = first.pointer;
      tree.eraseElementByIterator(first);
      tree.setElement(keyOf(key, next(), item, size), item);
    }
    return ROUNDS;
  };
}

function functionalTree(size: number): () => number {
  const next = generator(1);
  let tree = createTree<number, number>();
  for (let i = 0; i < size; i++) tree = tree.insert(keyOf(0, next(), i, size), i);
  return () => {
    for (let round = 0; round < ROUNDS; round++) {
      const first = tree.begin;
      const key = first.key ?? 0;
      const item = first.value ?? 0;
      tree = first.remove().insert(keyOf(key, next(), item, size), item);
    }
    return ROUNDS;
  };
}
