/** From recorded scenarios to simulated ones. */
import { describe, expect, test } from 'vitest';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { NEGATIVE_CONTROLS, negativeControl } from '../../src/validate/control.js';
import {
  DEFAULT_RECORDINGS,
  type RecordedScenario,
  type RecordedSummary,
  readIndex,
  readRecording,
} from '../../src/validate/recordings.js';
import { CONTROLLER, type Mapping, scenarioOf } from '../../src/validate/scenario.js';
import { kernel, machine } from './presets.js';

const index = readIndex(DEFAULT_RECORDINGS);

function recorded(name: string): { scenario: RecordedScenario; summary: RecordedSummary; cpus: number } {
  const entry = index.find((candidate) => candidate.case === name);
  if (entry === undefined) throw new Error(`no case ${name}`);
  const { scenario, summary } = readRecording(DEFAULT_RECORDINGS, entry);
  return { scenario, summary, cpus: entry.cpus };
}

function map(name: string): Mapping {
  const { scenario, summary, cpus } = recorded(name);
  return scenarioOf(scenario, summary, machine(cpus), kernel('linux-6.1'));
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
    expect(scenario.tasks.map(({ name, startNs }) => [name, startNs])).toEqual([
      [CONTROLLER, 0],
      ['hog0', 27_791],
      ['hog1', 30_710],
    ]);
    expect(task(scenario, CONTROLLER)).toMatchObject({ sched: { class: 'fifo', priority: 99 } });
    expect(task(scenario, 'hog1')).toMatchObject({
      count: 1,
      sched: fair,
      cpus: null,
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
    expect(idle.tasks.map(({ sched }) => sched.class)).toEqual(['fifo', 'idle', 'idle', 'idle', 'idle', 'fair']);
    expect(task(mapped('S10'), 'cyc').sched).toEqual({ class: 'fifo', nice: 0, priority: 80 });
  });

  test('B01 and B12: the BT class, and a start after T0', () => {
    expect(task(mapped('B01'), 'bt').sched).toEqual({ class: 'bt', nice: 0, priority: 0 });
    expect(task(mapped('B12'), 'hog').program[0]).toMatchObject({ op: 'timer', periodNs: 2e9, phaseNs: 0 });
  });

  test('S17: a pool of children, one for each fork', () => {
    const scenario = mapped('S17');
    expect(task(scenario, 'fchild')).toMatchObject({ count: 1000, start: 'fork' });
    expect(task(scenario, 'forker').program).toMatchObject([
      { body: [{ op: 'timer' }, { op: 'fork', task: 'fchild' }] },
    ]);
  });

  test('S18: a pair with two channels', () => {
    const scenario = mapped('S18');
    expect(task(scenario, 'pinga').program).toMatchObject([
      { body: [{ op: 'send', channel: 'a-to-b' }, { op: 'receive' }] },
    ]);
    expect(task(scenario, 'pingb').program).toMatchObject([
      { body: [{ op: 'receive', channel: 'a-to-b' }, { op: 'send' }] },
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

  test.each([
    ['S12', 'cgroup Q has a quota'],
    ['S31', 'an external program took part in it'],
    ['B04', 'it changes kernel settings before it runs'],
    ['B09m', 'cgroup A has bt_shares'],
  ])('%s is refused: %s', (name, reason) => {
    expect(map(name)).toEqual({ unsupported: reason });
  });
});

describe('a negative control', () => {
  test.each(NEGATIVE_CONTROLS)('$name changes what runs in its cases, but never the controller', (control) => {
    for (const name of control.cases) {
      const right = mapped(name);
      const wrong = negativeControl(right, control);
      expect(wrong.tasks).not.toEqual(right.tasks);
      expect(task(wrong, CONTROLLER)).toEqual(task(right, CONTROLLER));
    }
  });
});
