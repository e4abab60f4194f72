/** The timing wheel against a list kept in order by brute force: ties, cancels, far times, limits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../bench/primitives.js';

const SIZE = 64;

type Operation = { kind: 'insert'; delay: number } | { kind: 'remove'; pick: number } | { kind: 'pop'; reach: number };

const delay = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 2 ** 45 }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: delay.map((by): Operation => ({ kind: 'insert', delay: by })) },
  { weight: 1, arbitrary: fc.nat().map((pick): Operation => ({ kind: 'remove', pick })) },
  { weight: 3, arbitrary: delay.map((reach): Operation => ({ kind: 'pop', reach })) },
);

describe('Wheel', () => {
  it('pops what an ordered list pops, equal times in the order of insertion', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const wheel = primitives(SIZE);
        const free = Array.from({ length: SIZE }, (_, i) => i);
        let queue: Array<{ index: number; time: number }> = [];
        let now = 0;
        for (const step of operations) {
          if (step.kind === 'insert') {
            const index = free.pop();
            if (index === undefined) continue;
            const time = now + step.delay;
            wheel.wheelInsert(index, time);
            const behind = queue.findIndex((item) => item.time > time);
            queue = behind < 0 ? [...queue, { index, time }] : queue.toSpliced(behind, 0, { index, time });
          } else if (step.kind === 'remove') {
            const position = queue.length === 0 ? -1 : step.pick % queue.length;
            const item = queue[position];
            if (item === undefined) continue;
            wheel.wheelRemove(item.index);
            free.push(item.index);
            queue = queue.toSpliced(position, 1);
          } else {
            const limit = now + step.reach;
            const first = queue[0];
            const expected = first !== undefined && first.time <= limit ? first : undefined;
            expect(wheel.wheelPop(limit)).toBe(expected?.index ?? -1);
            // As the engine does: after a pop that found nothing, time has gone on to the limit.
            now = expected?.time ?? limit;
            if (expected !== undefined) {
              free.push(expected.index);
              queue = queue.slice(1);
            }
          }
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
