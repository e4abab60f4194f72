/** The red-black tree against a sorted array: order, first-in first-out among equals, wrapping keys, balance after every step. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Primitives, primitives } from '../../../bench/primitives.js';
import { BUILDS, holds } from './builds.js';

const SIZE = 64;

interface Item {
  index: number;
  key: bigint;
}

/** Insert a key this far from the base, or erase one of those in the tree. */
type Step = { insert: bigint } | { erase: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.bigInt(0n, 20n).map((insert): Step => ({ insert })) },
    { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 62n).map((insert): Step => ({ insert })) },
    { weight: 3, arbitrary: fc.nat().map((erase): Step => ({ erase })) },
  ),
  { maxLength: 250, size: 'max' },
);
/** From 0, and so that keys cross the sign bit and the end of the range. */
const bases = fc.constantFrom(0n, 2n ** 63n - 10n, 2n ** 64n - 10n);

/** Whether `a` lies before `b`, as the kernel's time comparisons see it. */
const isBefore = (a: bigint, b: bigint): boolean => BigInt.asIntN(64, a - b) < 0n;

function insert(tree: Primitives, { index, key }: Item): void {
  tree.treeInsert(index, Number(key & 0xffffffffn), Number(key >> 32n));
}

function walk(tree: Primitives): number[] {
  const found: number[] = [];
  for (let node = tree.treeLeftmost(); node >= 0; node = tree.treeSuccessor(node)) found.push(node);
  return found;
}

describe.each(BUILDS)('RbTree, %s build', (build) => {
  it('is empty at first', () => {
    const tree = primitives(1, 1, build);
    expect([tree.treeLeftmost(), tree.treeCheck()]).toEqual([-1, 0]);
  });

  it('is a valid tree in the order of a sorted array after every insert and erase', () => {
    holds(fc.tuple(bases, steps), ([base, operations]) => {
      const tree = primitives(SIZE, 1, build);
      const free = Array.from({ length: SIZE }, (_, index) => index);
      let model: Item[] = [];
      for (const step of operations) {
        if ('insert' in step) {
          const index = free.shift();
          if (index === undefined) continue;
          const item = { index, key: BigInt.asUintN(64, base + step.insert) };
          insert(tree, item);
          const behind = model.findIndex(({ key }) => isBefore(item.key, key));
          model = model.toSpliced(behind < 0 ? model.length : behind, 0, item);
        } else if (model.length > 0) {
          const [erased] = model.splice(step.erase % model.length, 1);
          tree.treeErase(erased?.index ?? -1);
          free.push(erased?.index ?? -1);
        }
        expect(walk(tree)).toEqual(model.map(({ index }) => index));
        expect(tree.treeCheck()).toBeGreaterThanOrEqual(0);
      }
    });
  });

  it.each([
    ['rising', (i: number) => i],
    ['falling', (i: number) => -i],
    ['equal', () => 0],
  ])('stays valid while %s keys come and go', (_name, keyOf) => {
    const tree = primitives(SIZE, 1, build);
    for (let index = 0; index < SIZE; index++) {
      insert(tree, { index, key: BigInt.asUintN(64, BigInt(keyOf(index))) });
      expect(tree.treeCheck()).toBeGreaterThan(0);
    }
    for (let index = 0; index < SIZE; index++) {
      tree.treeErase(index);
      expect(tree.treeCheck()).toBeGreaterThanOrEqual(0);
    }
    expect(tree.treeLeftmost()).toBe(-1);
  });

  it('stays balanced through 100,000 rounds of a run queue of 4,096', () => {
    const tree = primitives(4096, 1, build);
    tree.treeFill();
    tree.treeChurn(100_000);
    // A path holds at most twice as many nodes as black ones: the black height h obeys log4(4097) ≤ h ≤ log2(4097) + 1.
    expect(tree.treeCheck()).toBeGreaterThanOrEqual(6);
    expect(tree.treeCheck()).toBeLessThanOrEqual(13);
    expect(walk(tree)).toHaveLength(4096);
  });
});
