/** From recorded scenarios to simulated ones. */
import { describe, expect, test } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { compare } from '../../src/validate/compare.js';
import { DEFAULT_RECORDINGS, type Recording, readIndex, readRecording } from '../../src/validate/recordings.js';
import { CONTROLLER, type Mapping, scenarioOf } from '../../src/validate/scenario.js';
import { kernel, machine } from './presets.js';

const index = readIndex(DEFAULT_RECORDINGS);

function recorded(name: string): Recording {
  const entry = index.find((candidate) => candidate.case === name);
  if (entry === undefined) throw new Error(`no case ${name}`);
  return readRecording(DEFAULT_RECORDINGS, entry);
}

function map(name: string): Mapping {
  const recording = recorded(name);
  return scenarioOf(recording, machine(recording.entry.cpus), kernel('linux-6.1'));
}

function mapped(name: string): Scenario {
  const mapping = map(name);
  if ('unsupported' in mapping) throw new Error(mapping.unsupported);
  return mapping.scenario;
}

function task(scenario: Scenario, name: string): TaskSpec {
  const found = scenario.tasks.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no task ${name}`);
  return found;
}

const fair = { class: 'fair', nice: 0, priority: 0 };

describe('a recorded scenario', () => {
  test('S01: two hogs, woken one after the other by a controller that keeps the CPU meanwhile', () => {
    const scenario = mapped('S01');
    expect(scenario).toMatchObject({ name: 'S01', durationNs: 5e9, kernel: { name: 'linux-6.1' }, cgroups: [] });
    // The first lines of its trace.
    const own = scenario.tasks.filter(({ name }) => name === CONTROLLER || !name.startsWith('~'));
    expect(own.map(({ name, startNs, startLagNs }) => [name, startNs, startLagNs])).toEqual([
      [CONTROLLER, 0, null],
      ['hog0', 27_925, null],
      ['hog1', 30_882, 0],
    ]);
    expect(scenario.bootNs).toBe(9_200_000_000);
    expect(task(scenario, '~kcompactd0')).toMatchObject({ sched: fair, timerSlackNs: 1 });
    expect(task(scenario, CONTROLLER)).toMatchObject({ sched: { class: 'fifo', priority: 99 } });
    expect(task(scenario, 'hog1')).toMatchObject({
      count: 1,
      sched: fair,
      cpus: [0],
      timerSlackNs: 1,
      program: [{ op: 'loop', times: null, body: [{ op: 'run', mode: 'user' }] }],
    });
  });

  test('S02: nice values', () => {
    const scenario = mapped('S02');
    expect(task(scenario, 'hogN5').sched).toEqual({ class: 'fair', nice: 5, priority: 0 });
  });

  test('S05: a period that begins at T0, of which none is skipped', () => {
    expect(task(mapped('S05'), 'per').program).toEqual([
      {
        op: 'loop',
        times: null,
        body: [
          { op: 'timer', timer: 'period', shared: false, periodNs: 10e6, phaseNs: 0, distanceNs: 0, missed: 'keep' },
          { op: 'run', mode: 'user', duration: { kind: 'fixed', ns: 1e6 } },
        ],
      },
    ]);
  });

  test('S08 and S10: SCHED_IDLE hogs, a SCHED_FIFO task', () => {
    const idle = mapped('S08');
    const own = idle.tasks.filter(({ name }) => name === CONTROLLER || !name.startsWith('~'));
    expect(own.map(({ sched }) => sched.class)).toEqual(['fifo', 'idle', 'idle', 'idle', 'idle', 'fair']);
    expect(task(mapped('S10'), 'cyc').sched).toEqual({ class: 'fifo', nice: 0, priority: 80 });
  });

  test('B01 and B12: the BT class, and a start after T0', () => {
    expect(task(mapped('B01'), 'bt').sched).toEqual({ class: 'bt', nice: 0, priority: 0 });
    expect(task(mapped('B12'), 'hog').program[0]).toMatchObject({ op: 'timer', periodNs: 2e9, phaseNs: 0 });
  });

  test('S17: a pool of children, one for each fork', () => {
    const scenario = mapped('S17');
    expect(task(scenario, 'fchild of forker')).toMatchObject({ count: 1000, start: 'fork' });
    expect(task(scenario, 'forker').program).toMatchObject([
      { body: [{ op: 'timer' }, { op: 'run', mode: 'kernel' }, { op: 'fork', task: 'fchild of forker' }] },
    ]);
  });

  test('of several forking tasks: each has children of its own, which the recording counts as one task', () => {
    const recording = recorded('S17');
    const [forker] = recording.scenario.tasks;
    if (forker?.behaviour.type !== 'fork') throw new Error('S17 forks');
    const light = { ...forker, name: 'light', behaviour: { ...forker.behaviour, run_us: 500, nchild: 2 } };
    const tasks = [{ ...forker, count: 2 }, light];
    const mapping = scenarioOf(
      { ...recording, scenario: { ...recording.scenario, tasks } },
      machine(),
      kernel('linux-6.1'),
    );
    if ('unsupported' in mapping) throw new Error(mapping.unsupported);
    const pools = mapping.scenario.tasks.filter(({ start }) => start === 'fork');
    expect(pools.map(({ name, count }) => [name, count])).toEqual([
      ['fchild of forker0', 1000],
      ['fchild of forker1', 1000],
      ['fchild of light', 2000],
    ]);
    const result = simulate({ ...mapping.scenario, durationNs: 1e9 }, 1);
    const cpuNs = result.tasks.reduce((sum, { name, cpuNs }) => sum + (name.startsWith('fchild') ? cpuNs : 0), 0);
    const shares = compare(recording, result, 4000).filter(
      ({ task, metric }) => task === 'fchild' && metric === 'share_pct',
    );
    expect(shares.map(({ simulated }) => simulated)).toEqual([expect.closeTo(cpuNs / 1e7, 3)]);
    // Two of 2 ms and two of 0.5 ms every 5 ms fill the CPU.
    expect(cpuNs).toBeGreaterThan(0.8e9);
  });

  test('S18: a pair with two channels', () => {
    const scenario = mapped('S18');
    expect(task(scenario, 'pinga').program).toMatchObject([
      { body: [{ op: 'run', mode: 'kernel' }, { op: 'send', channel: 'a-to-b' }, { op: 'receive' }] },
    ]);
    expect(task(scenario, 'pingb').program).toMatchObject([
      { body: [{ op: 'receive', channel: 'a-to-b' }, { op: 'run', mode: 'kernel' }, { op: 'send' }] },
    ]);
  });

  test('B26c: a hog on one of two CPUs', () => {
    const scenario = mapped('B26c');
    expect(task(scenario, 'hog').cpus).toEqual([0]);
    expect(task(scenario, 'btrs3').cpus).toBeNull();
  });

  test('every case is mapped or refused with a reason', () => {
    for (const name of new Set(index.map((entry) => entry.case))) {
      const mapping = map(name);
      if ('unsupported' in mapping) expect(mapping.unsupported).toMatch(/\w/);
      else expect(mapping.scenario.tasks.length).toBeGreaterThan(1);
    }
  });

  test('S12, S19 and B09m: cgroups with a quota, with cpu.idle, with bt_shares', () => {
    expect(mapped('S12').cgroups).toMatchObject([
      { name: 'Q', weight: 100, quota: { quotaNs: 20e6, periodNs: 100e6, burstNs: 0, phaseNs: null } },
    ]);
    expect(mapped('S19').cgroups).toMatchObject([{ idle: true }, { idle: false, weight: 100 }]);
    expect(mapped('B09m').cgroups).toMatchObject([{ btShares: 1024 }, { btShares: 512 }]);
  });

  test('S31: the real cyclictest', () => {
    expect(task(mapped('S31'), '~cyclictest')).toMatchObject({ sched: fair, timerSlackNs: 50_000 });
    expect(task(mapped('S32'), '~cyclictest')).toMatchObject({
      sched: { class: 'fifo', priority: 80 },
      timerSlackNs: 0,
    });
  });

  test('B04: what it writes to /proc before it runs; B04q: without effect under offline_group', () => {
    expect(mapped('B04').kernel.bt).toMatchObject({ runtimeNs: 100e6 });
    expect(mapped('B04q').kernel.bt).toMatchObject({ runtimeNs: -1, percent: [100] });
    expect(mapped('B04p').kernel.bt).toMatchObject({ percent: [30] });
  });

  test('what is not known is refused with a reason', () => {
    const unknown = recorded('S31');
    unknown.scenario.external = 'taskset 1 stress-ng';
    const mapping = scenarioOf(unknown, machine(), kernel('linux-6.1'));
    expect(mapping).toEqual({ unsupported: 'an external program took part in it that is not known' });
  });
});
