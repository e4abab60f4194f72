/** The red-black tree against a sorted array: order, first-in first-out among equals, wrapping keys, balance. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Primitives, primitives } from '../../bench/primitives.js';

const SIZE = 200;

function order(tree: Primitives): number[] {
  const found: number[] = [];
  for (let node = tree.treeLeftmost(); node >= 0; node = tree.treeSuccessor(node)) found.push(node);
  return found;
}

interface Item {
  index: number;
  key: bigint;
}

const signed = (key: bigint): bigint => BigInt.asIntN(64, key);

/** Keys around a base, so that their signed differences order them even where they wrap. */
const keysAround = fc
  .tuple(
    fc.constantFrom(0n, 2n ** 63n - 50n, 2n ** 64n - 50n),
    fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: SIZE }),
  )
  .map(([base, offsets]) => offsets.map((offset) => BigInt.asUintN(64, base + BigInt(offset))));

describe('RbTree', () => {
  it('keeps the order of a sorted array through inserts and erases', () => {
    fc.assert(
      fc.property(keysAround, fc.array(fc.nat(), { maxLength: SIZE }), (keys, erases) => {
        const tree = primitives(SIZE);
        let model: Item[] = [];
        const check = (): void => {
          expect(order(tree)).toEqual(model.map(({ index }) => index));
          expect(tree.treeCheck()).toBeGreaterThanOrEqual(0);
        };
        keys.forEach((key, index) => {
          tree.treeInsert(index, Number(key & 0xffffffffn), Number(key >> 32n));
          const behind = model.findIndex((item) => signed(item.key - key) > 0n);
          model = behind < 0 ? [...model, { index, key }] : model.toSpliced(behind, 0, { index, key });
        });
        check();
        for (const pick of erases) {
          if (model.length === 0) break;
          const position = pick % model.length;
          tree.treeErase(model[position]?.index ?? 0);
          model = model.toSpliced(position, 1);
        }
        check();
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('stays balanced: black height of 4,096 churned nodes', () => {
    const tree = primitives(4096);
    tree.treeFill();
    tree.treeChurn(100_000);
    // A path has at most twice as many nodes as it has black ones: 2 × log2(4097).
    expect(tree.treeCheck()).toBeGreaterThan(5);
    expect(tree.treeCheck()).toBeLessThan(14);
  });
});
