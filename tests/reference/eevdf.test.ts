/** The reference of EEVDF: the kernel's figures, and the properties that the algorithm is known for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaults, EevdfReference } from './eevdf.js';
import type { Entity } from './entities.js';
import { scaleDown } from './fixed_point.js';

const MS = 1_000_000n;
const TICK = 4n * MS;

function hogs(eevdf: EevdfReference, tasks: readonly Entity[], ticks: number): string[] {
  for (const task of tasks) eevdf.enqueue(0n, task, true);
  const ran = [eevdf.pick(0n)?.name ?? ''];
  for (let i = 1; i <= ticks; i++) {
    const now = BigInt(i) * TICK;
    if (eevdf.tick(now)) eevdf.pick(now);
    ran.push(eevdf.curr?.name ?? '');
  }
  return ran;
}

describe('placement', () => {
  it('of a wakee with a lag of −1 ms beside one hog: 2 ms behind the average, which leaves it a lag of −1 ms', () => {
    const eevdf = new EevdfReference();
    const [hog, wakee] = [eevdf.task('hog', 0), eevdf.task('wakee', 0)];
    eevdf.enqueue(0n, hog);
    eevdf.pick(0n);
    eevdf.state(wakee).lag = -MS;
    const before = eevdf.average(eevdf.root);
    eevdf.enqueue(0n, wakee);
    expect(wakee.vruntime - before).toBe(2n * MS);
    expect(eevdf.average(eevdf.root) - before).toBe(MS);
    expect(eevdf.lag(wakee)).toBe(-MS);
  });

  it('gives a new task half a slice, from 6.12 on', () => {
    const deadline = (variant: '6.6' | '6.12' | '6.18') => {
      const eevdf = new EevdfReference({ ...defaults(variant), baseSliceNs: 1_400_000n });
      const task = eevdf.task('t', 5);
      eevdf.enqueue(0n, task, true);
      return eevdf.state(task).deadline - task.vruntime;
    };
    expect([deadline('6.6'), deadline('6.12'), deadline('6.18')]).toEqual([4279403n, 2139701n, 2139701n]);
  });

  it('a task that leaves and comes back at once keeps its lag', () => {
    const lags = fc.record({
      nices: fc.array(fc.integer({ min: -10, max: 10 }), { minLength: 2, maxLength: 8 }),
      ticks: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(lags, ({ nices, ticks }) => {
        const eevdf = new EevdfReference();
        const tasks = nices.map((nice, i) => eevdf.task(`${i}`, nice));
        hogs(eevdf, tasks, ticks);
        const task = tasks.find((one) => one !== eevdf.curr) as Entity;
        const before = eevdf.lag(task);
        const left = eevdf.state(task).deadline - task.vruntime;
        eevdf.dequeue(eevdf.now, task, 'move');
        eevdf.enqueue(eevdf.now, task);
        const difference = eevdf.lag(task) - before;
        // Two divisions round, the second one something that was multiplied by up to (W + w) / W.
        expect(difference <= 2n && difference >= -2n).toBe(true);
        expect(eevdf.state(task).deadline - task.vruntime).toBe(left);
      }),
      { numRuns: 100, seed: 20261124 },
    );
  });
});

describe('delayed dequeue', () => {
  const owing = (variant: '6.6' | '6.12' = '6.12') => {
    const eevdf = new EevdfReference(defaults(variant));
    const [a, b] = [eevdf.task('a', 0), eevdf.task('b', 0)];
    eevdf.enqueue(0n, a);
    eevdf.enqueue(0n, b);
    eevdf.pick(0n);
    return { eevdf, a, b, left: eevdf.dequeue(2n * MS, a, 'sleep') };
  };

  it('keeps a sleeper that owes time on its queue, from 6.12 on', () => {
    expect(owing('6.6').left).toBe(true);
    const { eevdf, a, b, left } = owing();
    expect(left).toBe(false);
    expect([a.onQueue, eevdf.state(a).delayed, eevdf.pick(2n * MS)]).toEqual([true, true, b]);
  });

  it('ends when its turn has come, and then it owes nothing', () => {
    const { eevdf, a, b } = owing();
    eevdf.pick(2n * MS);
    eevdf.tick(8n * MS);
    expect(eevdf.pick(8n * MS)).toBe(b);
    expect([a.onQueue, eevdf.state(a).delayed, eevdf.state(a).lag]).toEqual([false, false, 0n]);
  });

  it('a wakeup before that leaves it where it is', () => {
    const { eevdf, a } = owing();
    eevdf.pick(2n * MS);
    const { vruntime } = a;
    const { deadline } = eevdf.state(a);
    eevdf.wake(2_100_000n, a);
    expect([a.vruntime, eevdf.state(a).deadline, eevdf.state(a).delayed]).toEqual([vruntime, deadline, false]);
  });
});

describe('preemption', () => {
  it('hogs take turns every tick', () => {
    const eevdf = new EevdfReference();
    expect(hogs(eevdf, [eevdf.task('a', 0), eevdf.task('b', 0), eevdf.task('c', 0)], 6).join('')).toBe('abcabca');
  });

  it.each([
    ['6.6' as const, false],
    ['6.12' as const, true],
    ['6.18' as const, true],
  ])('%s: a shorter slice of its own breaks into a protected one: %s', (variant, expected) => {
    const eevdf = new EevdfReference({ ...defaults(variant), baseSliceNs: 2_800_000n });
    const hog = eevdf.task('hog', 0);
    const wakee = eevdf.task('wakee', 0, 'normal', null, 300_000n);
    const other = eevdf.task('other', 0);
    eevdf.enqueue(0n, hog);
    // The other one owes, so the hog is behind the average for a while.
    eevdf.state(other).lag = -MS;
    eevdf.enqueue(0n, other);
    expect(eevdf.pick(0n)).toBe(hog);
    expect(eevdf.wake(10_000n, wakee)).toBe(expected);
  });

  it('yield forfeits what is left of the slice', () => {
    const eevdf = new EevdfReference();
    const [a, b] = [eevdf.task('a', 0), eevdf.task('b', 0)];
    eevdf.enqueue(0n, a);
    eevdf.enqueue(0n, b);
    eevdf.pick(0n);
    const begin = a.vruntime;
    eevdf.yield(0n);
    const { deadline } = eevdf.state(a);
    expect([a.vruntime - begin, deadline - begin, eevdf.pick(0n)]).toEqual([700_000n, 1_400_000n, b]);
  });
});

/** What a random history is made of; the number says whom or how much. */
const histories = fc.array(
  fc.record({
    kind: fc.constantFrom('run', 'tick', 'sleep', 'wake', 'yield', 'nice'),
    which: fc.nat({ max: 7 }),
    ns: fc.bigInt(0n, 3n * MS),
    nice: fc.integer({ min: -10, max: 10 }),
  }),
  { minLength: 20, maxLength: 150 },
);

describe('at every moment of a random history', () => {
  const check = (variant: '6.6' | '6.12' | '6.18', holds: (eevdf: EevdfReference) => void) => {
    fc.assert(
      fc.property(histories, (steps) => {
        const eevdf = new EevdfReference(defaults(variant));
        const tasks = Array.from({ length: 8 }, (_, i) => eevdf.task(`${i}`, (i % 4) * 3 - 5));
        let now = 0n;
        for (const { kind, which, ns, nice } of steps) {
          now += ns;
          const task = tasks[which] as Entity;
          if (kind === 'tick') eevdf.tick(now);
          if (kind === 'yield') eevdf.yield(now);
          if (kind === 'nice') eevdf.setNice(now, task, nice);
          if (kind === 'wake' && (!task.onQueue || eevdf.state(task).delayed)) eevdf.wake(now, task);
          if (kind === 'sleep' && eevdf.curr !== null) eevdf.dequeue(now, eevdf.curr, 'sleep');
          if (eevdf.needResched || kind === 'sleep' || kind === 'yield') eevdf.pick(now);
          holds(eevdf);
        }
      }),
      { numRuns: 40, seed: 20261124 },
    );
  };

  it.each(['6.6', '6.12', '6.18'] as const)('%s: lags sum up to nothing, and somebody is eligible', (variant) => {
    check(variant, (eevdf) => {
      const { members } = eevdf.root;
      const lags = members.map((se) => scaleDown(se.load.weight) * (eevdf.average(eevdf.root) - se.vruntime));
      const total = members.reduce((sum, se) => sum + scaleDown(se.load.weight), 0n);
      const sum = lags.reduce((a, b) => a + b, 0n);
      // V is rounded down: what is missing is less than one unit of each weight.
      expect(sum <= 0n && -sum < (total === 0n ? 1n : total)).toBe(true);
      if (members.length > 0) expect(members.some((se) => eevdf.eligible(se))).toBe(true);
    });
  });
});

describe('lag', () => {
  it('of hogs: nobody owes more than one tick, for nobody begins to run who owes', () => {
    const nices = fc.array(fc.integer({ min: -10, max: 10 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(nices, fc.integer({ min: 1, max: 100 }), (values, ticks) => {
        const eevdf = new EevdfReference();
        const tasks = values.map((nice, i) => eevdf.task(`${i}`, nice));
        hogs(eevdf, tasks, ticks);
        for (const task of tasks) {
          // As running time; V is rounded down, which a weight multiplies.
          const owes = (scaleDown(task.load.weight) * (task.vruntime - eevdf.average(eevdf.root))) / 1024n;
          expect(owes).toBeLessThanOrEqual(TICK + 10n);
        }
      }),
      { numRuns: 60, seed: 20261124 },
    );
  });
});
