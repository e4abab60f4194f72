/** The timing wheel against a binary heap: order, ties, cancels, moves, far times, limits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../../bench/primitives.js';
import { BUILDS, holds } from './builds.js';
import { OracleHeap } from './heap.js';

const SIZE = 64;

type Step =
  | { kind: 'insert'; delay: number }
  | { kind: 'remove'; pick: number }
  | { kind: 'move'; pick: number; delay: number }
  | { kind: 'pop'; reach: number };

/** Ties, one slot, neighbouring levels, digit borders, and far away. */
const delays = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 8 }).map((level) => 64 ** level),
  fc.integer({ min: 0, max: 2 ** 45 }),
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert' as const), delay: delays }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), pick: fc.nat(), delay: delays }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pop' as const), reach: delays }) },
  ),
  { maxLength: 300, size: 'max' },
);

describe.each(BUILDS)('Wheel, %s build', (build) => {
  it('pops what a heap pops, equal times in the order of insertion', () => {
    holds(steps, (operations) => {
      const wheel = primitives(SIZE, 1, build);
      const oracle = new OracleHeap();
      const free = Array.from({ length: SIZE }, (_, index) => index);
      let now = 0;
      for (const step of operations) {
        const waiting = oracle.indices.toSorted((a, b) => a - b);
        if (step.kind === 'insert') {
          const index = free.pop();
          if (index === undefined) continue;
          wheel.wheelInsert(index, now + step.delay);
          oracle.insert(index, now + step.delay);
        } else if (step.kind === 'pop') {
          const expected = oracle.pop(now + step.reach);
          expect(wheel.wheelPop(now + step.reach)).toBe(expected?.index ?? -1);
          // As the engine does: after a pop that found nothing, time has gone on to the limit.
          now = expected?.time ?? now + step.reach;
          if (expected === undefined) continue;
          free.push(expected.index);
          expect(wheel.wheelMoreNow() !== 0).toBe(oracle.hasTime(now));
        } else {
          const index = waiting[step.pick % waiting.length];
          if (index === undefined) continue;
          if (step.kind === 'remove') {
            wheel.wheelRemove(index);
            oracle.remove(index);
            free.push(index);
          } else {
            const time = now + step.delay;
            wheel.wheelMove(index, time);
            // A move to where it is leaves it where it is.
            if (oracle.timeOf(index) === time) continue;
            oracle.remove(index);
            oracle.insert(index, time);
          }
        }
      }
      for (;;) {
        const expected = oracle.pop(Number.POSITIVE_INFINITY)?.index ?? -1;
        expect(wheel.wheelPop(Number.MAX_SAFE_INTEGER)).toBe(expected);
        if (expected < 0) break;
      }
    });
  });

  it('reaches the last time that an event may have, and not a nanosecond less', () => {
    const wheel = primitives(2, 1, build);
    const last = Number.MAX_SAFE_INTEGER;
    wheel.wheelInsert(0, last);
    wheel.wheelInsert(1, last - 1);
    expect([last - 2, last - 1, last - 1, last].map(wheel.wheelPop)).toEqual([-1, 1, -1, 0]);
  });

  it('pops at a limit that is the first time of a slot of several events', () => {
    const wheel = primitives(2, 1, build);
    wheel.wheelInsert(0, 64 ** 2);
    wheel.wheelInsert(1, 64 ** 2);
    expect([64 ** 2 - 1, 64 ** 2, 64 ** 2].map(wheel.wheelPop)).toEqual([-1, 0, 1]);
  });

  it('leaves an event in its turn that moves to where it is, and puts one behind that moves away and back', () => {
    const wheel = primitives(2, 1, build);
    wheel.wheelInsert(0, 100);
    wheel.wheelInsert(1, 100);
    wheel.wheelMove(0, 100);
    expect(wheel.wheelPop(100)).toBe(0);
    wheel.wheelMove(0, 100);
    wheel.wheelMove(1, 200);
    wheel.wheelMove(1, 100);
    expect([wheel.wheelPop(100), wheel.wheelPop(100)]).toEqual([0, 1]);
  });

  it('keeps the order of one time however late its events were queued', () => {
    const wheel = primitives(4, 1, build);
    const tie = 64 ** 3 + 5;
    wheel.wheelInsert(3, tie);
    wheel.wheelInsert(2, 64 ** 3);
    wheel.wheelInsert(1, tie);
    expect(wheel.wheelPop(tie)).toBe(2);
    wheel.wheelInsert(0, tie);
    expect([wheel.wheelPop(tie), wheel.wheelPop(tie), wheel.wheelPop(tie)]).toEqual([3, 1, 0]);
  });
});

describe('Wheel, debug build', () => {
  it.each([
    ['queues an event twice', [5, 6]],
    ['takes out an event that is not queued', []],
  ])('stops whoever %s', (_name, times) => {
    const wheel = primitives(1, 1, 'debug');
    expect(() => {
      for (const time of times) wheel.wheelInsert(0, time);
      if (times.length === 0) wheel.wheelRemove(0);
    }).toThrow('assertion failed');
  });

  it('stops whoever queues an event in the past', () => {
    const wheel = primitives(2, 1, 'debug');
    wheel.wheelInsert(0, 1000);
    wheel.wheelPop(1000);
    expect(() => wheel.wheelInsert(1, 999)).toThrow('assertion failed');
  });
});
