/** From files to resolved scenarios: presets with changes, roles under policies, --set, cgroups, every step. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { listPolicies, listScenarios, loadPolicy, loadScenario, resolveScenario } from '../../src/scenario/load.js';
import { scenarioJsonSchema } from '../../src/scenario/schema.js';
import { parseCpuList, parseDuration } from '../../src/scenario/units.js';

const folder = mkdtempSync(join(tmpdir(), 'kpbench-scenario-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const minimal = { duration: '1s', machine: 'ideal-4', tasks: [{ name: 't', program: [{ run: '1ms' }] }] };

describe('durations', () => {
  it('are exact to the nanosecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (ns) => {
        expect(parseDuration(`${ns}ns`)).toBe(ns);
      }),
      { seed: 1 },
    );
  });

  it.each([
    ['250us', 250_000],
    ['1.5ms', 1_500_000],
    ['2min', 120e9],
    ['0', 0],
    ['5', null],
    ['-1s', null],
    ['1e3ms', null],
    ['3 weeks', null],
    ['1000000000s', null],
  ])('%s', (text, ns) => expect(parseDuration(text)).toBe(ns));

  it('CPU lists', () => {
    expect(parseCpuList('0-3,8')).toEqual([0, 1, 2, 3, 8]);
    expect(parseCpuList('3,1,3')).toEqual([1, 3]);
    for (const bad of ['', 'a', '3-1', '1-', '-2']) expect(parseCpuList(bad)).toBeNull();
  });
});

describe('presets', () => {
  it('can be changed in part', () => {
    const scenario = resolveScenario({
      ...minimal,
      machine: { preset: 'server-8', cpus: 16, costs: { tick: '5us' }, idleStates: [] },
      kernel: { preset: 'linux-6.1', hz: 1000, bt: { percent: 20 } },
    });
    expect(scenario.machine).toMatchObject({ name: 'server-8', cpus: 16, cpusPerLlc: 8, idleStates: [] });
    expect(scenario.machine.costs).toMatchObject({ tickNs: 5000, timerIrqNs: 1000 });
    expect(scenario.kernel).toMatchObject({ hz: 1000, latencyNs: 6e6, bt: { percent: 20, periodNs: 1e9 } });
  });

  it('keep the fair server when something else is changed', () => {
    const { kernel } = resolveScenario({ ...minimal, kernel: { preset: 'linux-6.12', hz: 1000 } });
    expect(kernel.fairServer).toEqual({ runtimeNs: 50e6, periodNs: 1000e6 });
  });

  it('have no hyper-threads unless they say so, which a change does not undo', () => {
    expect(resolveScenario(minimal).machine).toMatchObject({ threadsPerCore: 1, smtSpeed: 0.625 });
    const { machine } = resolveScenario({
      ...minimal,
      machine: { preset: 'server-8', threadsPerCore: 2, smtSpeed: 0.7 },
    });
    expect(machine).toMatchObject({ cpus: 8, threadsPerCore: 2, smtSpeed: 0.7 });
  });

  it('of linux-6.1 is what the recorded kernel says of itself', () => {
    const { kernel } = resolveScenario(minimal);
    expect(kernel).toMatchObject({
      hz: 250,
      preemption: 'voluntary',
      latencyNs: 6_000_000,
      minGranularityNs: 750_000,
      wakeupGranularityNs: 1_000_000,
      migrationCostNs: 500_000,
      rtPeriodNs: 1e9,
      rtRuntimeNs: 950e6,
    });
  });

  it('4.14 has neither ALT_PERIOD nor BASE_SLICE', () => {
    const { kernel } = resolveScenario({ ...minimal, kernel: 'tk3-4.14' });
    expect(kernel.features).not.toContain('ALT_PERIOD');
    expect(kernel.features).not.toContain('BASE_SLICE');
  });
});

describe('policies', () => {
  const roles = ['vcpu', 'vhost', 'online', 'offline', 'housekeeping'].map((role) => ({
    name: role,
    role,
    program: [{ run: '1ms' }],
  }));
  it.each([
    ['cfs', ['fair', 'fair', 'fair', 'fair', 'fair']],
    ['vmf', ['vmf', 'vmf', 'fair', 'fair', 'fair']],
    ['cfs+bt', ['fair', 'fair', 'fair', 'bt', 'fair']],
    ['rt-fifo', ['fifo', 'fifo', 'fair', 'fair', 'fair']],
    ['cfs+idle', ['fair', 'fair', 'fair', 'idle', 'fair']],
  ])('%s maps roles to classes', (policy, classes) => {
    const scenario = resolveScenario({ ...minimal, tasks: roles }, { policy });
    expect(scenario.policy).toBe(policy);
    expect(scenario.tasks.map(({ sched }) => sched.class)).toEqual(classes);
  });

  it('do not touch a task that insists on its own', () => {
    const own = { name: 't', role: 'vcpu', sched: { class: 'batch' as const, nice: 3 }, program: [{ run: '1ms' }] };
    expect(resolveScenario({ ...minimal, tasks: [own] }, { policy: 'vmf' }).tasks[0]?.sched).toEqual({
      class: 'batch',
      nice: 3,
      priority: 0,
    });
  });

  it('from a file, with tunables', () => {
    const path = file(
      'mine.yaml',
      'roles: { offline: { class: bt } }\nbt: { runtime: 100ms }\nvmf: { activeBalance: false }\n',
    );
    expect(loadPolicy(path).bt).toEqual({ runtimeNs: 100e6 });
    const { kernel } = resolveScenario(minimal, { policy: path });
    expect([kernel.bt.runtimeNs, kernel.vmf.activeBalance, kernel.vmf.wakeupPreemption]).toEqual([100e6, false, true]);
  });

  it('give roles cookies, which a task’s own goes before', () => {
    const own = { name: 't', role: 'vcpu', cookie: 'mine', program: [{ run: '1ms' }] };
    const scenario = resolveScenario({ ...minimal, tasks: [...roles, own] }, { policy: 'core-sched' });
    expect(scenario.kernel.coreSched).toBe(true);
    expect(Object.fromEntries(scenario.tasks.map(({ role, name, cookie }) => [role ?? name, cookie]))).toMatchObject({
      vhost: 'guest',
      offline: 'offline',
      vcpu: 'mine',
    });
  });

  it('leave core scheduling as the kernel has it unless they say so', () => {
    const kernel = { preset: 'linux-6.1', coreSched: true };
    expect(resolveScenario({ ...minimal, kernel }).kernel.coreSched).toBe(true);
    expect(resolveScenario(minimal).kernel.coreSched).toBe(false);
    expect(resolveScenario({ ...minimal, kernel, policy: { coreSched: false } }).kernel.coreSched).toBe(false);
  });

  it('have a description each', () => {
    expect(listPolicies().map(({ name }) => name)).toEqual([
      'cfs',
      'cfs+bt',
      'cfs+burst',
      'cfs+cgroups',
      'cfs+cpu.idle',
      'cfs+idle',
      'cfs+quota',
      'cfs+weights',
      'core-sched',
      'eevdf',
      'linux',
      'linux+bt',
      'linux+memcg',
      'linux+vmf+bt',
      'rt-fifo',
      'rue',
      'rue+bt',
      'rue+vmf+bt',
      'vmf',
      'vmf+bt',
      'vmf+bt+smt',
      'vmf-bounded',
      'vmf-no-balance',
      'vmf-no-preempt',
    ]);
    for (const { description } of listPolicies()) expect(description.length).toBeGreaterThan(20);
  });
});

describe('tasks', () => {
  it('per-cpu, pins, affinity, cpusets and cpu.offline', () => {
    const scenario = resolveScenario({
      ...minimal,
      cgroups: [
        { name: 'batch', offline: true, cpus: '1-3' },
        { name: 'inner', parent: 'batch', cpus: [2, 3] },
      ],
      tasks: [
        { name: 'all', count: 'per-cpu', pin: 'each', program: [{ run: '1ms' }] },
        { name: 'deep', cgroup: 'inner', cpus: [0, 3], program: [{ run: '1ms' }] },
        { name: 'rt', cgroup: 'batch', sched: { class: 'fifo' }, program: [{ run: '1ms' }] },
      ],
    });
    expect(scenario.tasks).toMatchObject([
      { count: 4, pinEach: true, cpus: null },
      { cpus: [3], sched: { class: 'bt' } },
      { cpus: [1, 2, 3], sched: { class: 'fifo', priority: 50 } },
    ]);
  });

  it('every step', () => {
    const pool = { name: 'u', start: 'fork' as const, program: [{ exit: {} }] };
    const program = [
      { run: { uniform: ['1us', '2us'] as [string, string] } },
      { kernel: { pareto: { min: '1us', alpha: 2, max: '9us' } } },
      { irqoff: { lognormal: { median: '1us', sigma: 0 } } },
      { busy: { empirical: ['1us', '3us'] } },
      { sleep: { exponential: '5us' } },
      { timer: '1ms' },
      { timer: { period: '2ms', phase: '1us', missed: 'keep' as const, name: 'x', shared: true } },
      { stamp: {} },
      { record: { recorder: 'r', since: 'stamp' as const } },
      { record: 'latency' },
      { lock: 'm' },
      { wait: { condition: 'c', mutex: 'm' } },
      { unlock: 'm' },
      { signal: 'c' },
      { broadcast: 'c' },
      { send: 'q' },
      { receive: 'q' },
      { barrier: 'b' },
      { suspend: {} },
      { resume: 't' },
      { fork: 'u' },
      { yield: {} },
      { policy: { class: 'rr' as const, priority: 3 } },
      { loop: { times: 2, do: [{ run: '1us' }] } },
      { loop: [{ run: '1us' }] },
    ];
    const scenario = resolveScenario({ ...minimal, tasks: [{ name: 't', program }, pool] });
    expect(scenario.tasks[0]?.program.map(({ op }) => op)).toEqual([
      ...[
        'run',
        'run',
        'run',
        'busy',
        'sleep',
        'timer',
        'timer',
        'stamp',
        'record',
        'record',
        'lock',
        'wait',
        'unlock',
      ],
      ...[
        'signal',
        'signal',
        'send',
        'receive',
        'barrier',
        'suspend',
        'resume',
        'fork',
        'yield',
        'policy',
        'loop',
        'loop',
      ],
    ]);
    expect(scenario.tasks[0]?.program[5]).toMatchObject({ periodNs: 1e6, phaseNs: null, missed: 'skip' });
    expect(scenario.tasks[0]?.program[6]).toMatchObject({ periodNs: 2e6, phaseNs: 1000, missed: 'keep', shared: true });
  });
});

describe('--set', () => {
  const path = file('two.yaml', 'duration: 1s\nmachine: ideal-4\ntasks:\n  - name: a\n    program: [{ run: 1ms }]\n');
  it('changes what is there and adds what may be there', () => {
    const set = [
      ['tasks.0.count', '3'],
      ['tasks.0.sched.class', 'rr'],
      ['tasks.0.sched.priority', '7'],
      ['description', 'changed'],
    ] as const;
    const scenario = loadScenario(path, { set });
    expect(scenario).toMatchObject({
      description: 'changed',
      tasks: [{ count: 3, sched: { class: 'rr', priority: 7 } }],
    });
  });

  it('refuses a place that does not exist', () => {
    expect(() => loadScenario(path, { set: [['tasks.4.count', '3']] })).toThrow(
      '--set: tasks.4.count: no such place in',
    );
    expect(() => loadScenario(path, { set: [['tusk', '3']] })).toThrow('unknown key "tusk"');
  });
});

describe('ready-made scenarios', () => {
  it.each(listScenarios().map(({ name }) => name))('%s runs', (name) => {
    const result = simulate(loadScenario(name, { durationNs: 50e6 }), 1);
    expect(result.events).toBeGreaterThan(10);
  });
});

describe('JSON Schema', () => {
  it('describes the keys that people write', () => {
    const text = JSON.stringify(scenarioJsonSchema());
    for (const key of ['duration', 'cgroups', 'timerSlack', 'irqoff', 'lognormal', 'activeBalance'])
      expect(text).toContain(`"${key}"`);
  });

  it('is the one that is committed', async () => {
    const { default: committed } = await import('../../scenario.schema.json', { with: { type: 'json' } });
    expect(JSON.parse(JSON.stringify(scenarioJsonSchema()))).toEqual(committed);
  });
});
