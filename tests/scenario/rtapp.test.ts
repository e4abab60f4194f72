/** rt-app's JSON as it is: ordered and repeated keys, comments, phases, timers, synchronisation. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { packageRoot } from '../../src/paths.js';
import { loadScenario } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';

const folder = mkdtempSync(join(tmpdir(), 'kpbench-rtapp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string): Scenario {
  const path = join(folder, 'taskset.json');
  writeFileSync(path, text);
  return loadScenario(path);
}

const stepsOf = (scenario: Scenario, task = 0) => {
  const outer = scenario.tasks[task]?.program[0];
  return outer?.op === 'loop' ? outer.body : [];
};

describe('rt-app', () => {
  it('keeps the order of repeated and suffixed keys, and skips comments', () => {
    const scenario = load(`{
      /* a task set */
      "tasks": { "t": { "run": 1000, "run": 2000, "sleep0": 500, "run_b": 3000, "runtime1": 10, "sleep_c": 1 } } // end
    }`);
    expect(
      stepsOf(scenario).map((step) => [
        step.op,
        'duration' in step && step.duration.kind === 'fixed' && step.duration.ns,
      ]),
    ).toEqual([
      ['run', 1e6],
      ['run', 2e6],
      ['sleep', 500e3],
      ['run', 3e6],
      ['busy', 10e3],
      ['sleep', 1e3],
    ]);
  });

  it('reads tasks: instance, delay, loop, cpus, policy, priority, taskgroup', () => {
    const scenario = load(`{
      "global": { "duration": 3, "default_policy": "SCHED_OTHER", "calibration": "CPU0", "ftrace": "none" },
      "tasks": {
        "a": { "instance": 4, "delay": 2000, "loop": 7, "cpus": [0, 2], "priority": -5, "taskgroup": "/g/h", "run": 10 },
        "b": { "policy": "SCHED_FIFO", "run": 10 },
        "c": { "policy": "SCHED_IDLE", "run": 10 }
      } }`);
    expect(scenario.durationNs).toBe(3e9);
    expect(scenario.cgroups.map(({ name, parent }) => [name, parent])).toEqual([
      ['/g', null],
      ['/g/h', '/g'],
    ]);
    expect(scenario.tasks).toMatchObject([
      { count: 4, startNs: 2e6, cpus: [0, 2], cgroup: '/g/h', sched: { class: 'fair', nice: -5 } },
      { sched: { class: 'fifo', priority: 10 } },
      { sched: { class: 'idle' } },
    ]);
    expect(scenario.tasks[0]?.program[0]).toMatchObject({ op: 'loop', times: 7 });
  });

  it('reads phases, each with its loops', () => {
    const steps = stepsOf(
      load('{"tasks": {"t": {"phases": {"p1": {"loop": 3, "run": 10, "sleep": 5}, "p2": {"run": 20}}}}}'),
    );
    expect(steps).toMatchObject([{ op: 'loop', times: 3, body: [{ op: 'run' }, { op: 'sleep' }] }, { op: 'run' }]);
  });

  it('reads timers: shared unless unique, relative unless absolute', () => {
    const steps = stepsOf(
      load(`{"tasks": {"t": {"run": 10, "timer0": {"ref": "tick", "period": 1000},
        "timer1": {"ref": "unique1", "period": 2000, "mode": "absolute"}}}}`),
    );
    expect(steps.slice(1)).toMatchObject([
      { op: 'timer', timer: 'tick', shared: true, periodNs: 1e6, missed: 'rebase' },
      { op: 'timer', timer: 'unique1', shared: false, periodNs: 2e6, missed: 'run' },
    ]);
  });

  it('reads locks, conditions, barriers, suspend and resume', () => {
    const steps = stepsOf(
      load(`{"tasks": {
        "a": {"lock": "m", "wait": {"ref": "c", "mutex": "m"}, "unlock": "m", "barrier": "b", "suspend": "a", "run": 1},
        "b": {"run": 10, "lock": "m", "signal": "c", "broad": "c", "unlock": "m", "barrier": "b", "resume": "a", "yield": ""}}}`),
    );
    expect(steps.map(({ op }) => op)).toEqual(['lock', 'wait', 'unlock', 'barrier', 'suspend', 'run']);
  });

  it('runs: half of the CPU for a task that runs 5 of 10 ms', () => {
    const scenario = load(
      '{"tasks": {"t": {"cpus": [0], "run": 5000, "timer": {"ref": "x", "period": 10000}}}, "global": {"duration": 2}}',
    );
    const result = simulate(scenario, 1);
    expect((result.tasks[0]?.cpuNs ?? 0) / result.durationNs).toBeCloseTo(0.5, 1);
  });

  it('reads SCHED_DEADLINE: the period is the runtime unless given, the deadline is the period', () => {
    const scenario = load(`{
      "tasks": {
        "a": { "policy": "SCHED_DEADLINE", "dl-runtime": 2000, "dl-period": 10000, "dl-deadline": 5000, "run": 10 },
        "b": { "phases": {
          "first": { "run": 10 },
          "then": { "policy": "SCHED_DEADLINE", "dl-runtime": 3000, "dl-period": 9000, "run": 10 }
        } },
        "c": { "policy": "SCHED_DEADLINE", "dl-runtime": 400, "run": 10 }
      } }`);
    const reservation = (runtimeNs: number, deadlineNs: number, periodNs: number) => ({
      class: 'deadline',
      reservation: { runtimeNs, deadlineNs, periodNs },
    });
    expect(scenario.tasks[0]?.sched).toMatchObject(reservation(2e6, 5e6, 10e6));
    expect(stepsOf(scenario, 1)[1]).toMatchObject({ op: 'policy', sched: reservation(3e6, 9e6, 9e6) });
    expect(scenario.tasks[2]?.sched).toMatchObject(reservation(400e3, 400e3, 400e3));
  });

  it('the example runs', () => {
    const result = simulate(
      { ...loadScenario(join(packageRoot, 'scenarios/rt-app/example.json')), durationNs: 500e6 },
      1,
    );
    for (const task of result.tasks) expect(task.cpuNs).toBeGreaterThan(0);
  });
});
