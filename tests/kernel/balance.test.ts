/** Load balance of TencentOS 4.14 on two CPUs: BT's and that of CFS, as the recordings show them (validation/recordings, cases B* and S14). */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel, loadMachine } from '../../src/scenario/presets.js';
import type { CgroupSpec, Scenario } from '../../src/scenario/scenario.js';
import { cpuNs, hog, ideal, intervals, MS, scenario, sched, task, WHOLE } from './fixtures.js';

const kernel = loadKernel('tk3-4.14');
const bt = sched('bt');
// Without costs a BT task that waits for two ticks waits too short a time to age.
const machine = loadMachine('qemu-mttcg-4.14');

function shares(world: Scenario): (name: string) => number {
  const result = simulate(world, 1);
  return (name) => cpuNs(result, name) / result.durationNs;
}

/** How often a task changes its CPU. */
function moves(world: Scenario): number {
  const { trace, durationNs } = simulate(world, 1, { trace: WHOLE });
  const { ran } = intervals(trace, durationNs);
  const last = new Map<string, number>();
  let count = 0;
  for (const { task: name, cpu } of ran.toSorted((a, b) => a.from - b.from)) {
    if (name.startsWith('swapper') || name.startsWith('migration')) continue;
    if (last.has(name) && last.get(name) !== cpu) count++;
    last.set(name, cpu);
  }
  return count;
}

const three = (settings = sched('fair')) =>
  scenario(
    [1, 2, 3].map((i) => task(`hog${i}`, hog, { sched: settings })),
    { machine, kernel, durationNs: 5000 * MS },
  );

describe('three hogs on two CPUs', () => {
  it('S14: fair ones change places about nine times a second', () => {
    expect(moves(three())).toBeGreaterThan(30);
    expect(moves(three())).toBeLessThan(60);
  });

  it('B15: BT’s do so several times as often, and share evenly', () => {
    expect(moves(three(bt))).toBeGreaterThan(4 * moves(three()));
    const share = shares(three(bt));
    for (const name of ['hog1', 'hog2', 'hog3']) expect(share(name)).toBeCloseTo(2 / 3, 1);
  });
});

describe('BT beside a fair hog', () => {
  /** Shares of BT hogs that start on these CPUs; CPU 0 is a fair hog's. */
  const sharesOf = (startCpus: number[]) => {
    const tasks = startCpus.map((startCpu, i) => task(`bt${i}`, hog, { sched: bt, startCpu, startNs: (i + 1) * MS }));
    const world = scenario([task('fair', hog, { cpus: [0] }), ...tasks], { machine, kernel, durationNs: 5000 * MS });
    const share = shares(world);
    return tasks.map(({ name }) => share(name));
  };

  it('B17: where each CPU has as many, none moves, and those beside the hog starve', () => {
    const [bt0, bt1, bt2, bt3] = sharesOf([0, 1, 0, 1]);
    expect([bt0, bt2]).toEqual([0, 0]);
    expect(bt1).toBeCloseTo(1 / 2, 2);
    expect(bt3).toBeCloseTo(1 / 2, 2);
  });

  it('B05n: the other CPU pulls them, but the last is stranded', () => {
    const [bt0, bt1, bt2, bt3] = sharesOf([0, 0, 0, 0]);
    for (const share of [bt0, bt1, bt2]) expect(share).toBeCloseTo(1 / 3, 1);
    expect(bt3).toBe(0);
  });
});

describe('groups of BT', () => {
  it('B09: have their whole weight on every CPU, which fair ones divide', () => {
    const group = (name: string): CgroupSpec => ({
      name,
      parent: null,
      weight: 100,
      idle: false,
      quota: null,
      btShares: 1024,
      offline: false,
    });
    const share = (settings = sched('fair')) =>
      shares(
        scenario(
          [
            task('wide0', hog, { sched: settings, cgroup: 'wide', cpus: [0] }),
            task('wide1', hog, { sched: settings, cgroup: 'wide', cpus: [1] }),
            task('narrow', hog, { sched: settings, cgroup: 'narrow', cpus: [0] }),
          ],
          { machine, kernel, cgroups: [group('wide'), group('narrow')], durationNs: 5000 * MS },
        ),
      );
    expect(share(bt)('narrow')).toBeCloseTo(1 / 2, 1);
    expect(share()('narrow')).toBeCloseTo(2 / 3, 1);
  });
});

describe('tick skew', () => {
  it('lets the second CPU tick later than the first', () => {
    const skewed = { ...ideal(2), tickSkewNs: 1.3 * MS };
    const tasks = [0, 1].map((cpu) => task(`on${cpu}`, hog, { count: 2, cpus: [cpu] }));
    const { trace, durationNs } = simulate(scenario(tasks, { machine: skewed, kernel }), 1, { trace: WHOLE });
    const { ran } = intervals(trace, durationNs);
    const phases = (cpu: number) =>
      new Set(ran.filter((one) => one.cpu === cpu && one.from > 50 * MS).map(({ from }) => from % (4 * MS)));
    expect([...phases(0)]).toEqual([0]);
    expect([...phases(1)]).toEqual([1.3 * MS]);
  });
});
