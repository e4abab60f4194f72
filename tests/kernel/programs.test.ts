/** Task programs: every step does what it says. */
import { describe, expect, it } from 'vitest';
import { SimulationError } from '../../src/errors.js';
import { Simulation, simulate } from '../../src/kernel/simulation.js';
import type { Step } from '../../src/scenario/scenario.js';
import {
  cpuNs,
  fair,
  fixed,
  forever,
  hog,
  ideal,
  intervals,
  longestOverlap,
  MS,
  periodic,
  run,
  scenario,
  sched,
  sleep,
  task,
  WHOLE,
} from './fixtures.js';

const two = { machine: ideal(2) };
const ranOf = (name: string, tasks: Parameters<typeof scenario>[0], more = {}) => {
  const { trace, durationNs } = simulate(scenario(tasks, { durationNs: 100 * MS, ...more }), 1, { trace: WHOLE });
  return intervals(trace, durationNs).ran.filter(({ task: who }) => who === name);
};

describe('time', () => {
  it('run takes CPU time, busy takes wall time', () => {
    const rival = task('rival', [sleep(MS), run(50 * MS)], { sched: sched('fifo', 1) });
    const done = (step: Step) => ranOf('measured', [task('measured', [step, run(MS)]), rival]).at(-1)?.to;
    expect(done(run(20 * MS))).toBe(71 * MS);
    expect(done({ op: 'busy', duration: fixed(20 * MS) })).toBe(52 * MS);
  });

  it.each([
    ['skip', [10, 20, 40, 50]],
    ['keep', [10, 20, 35, 40]],
    ['run', [10, 20, 35, 40]],
    ['rebase', [10, 20, 35, 45]],
  ] as const)('a timer whose period is missed: %s', (missed, begins) => {
    const timer: Step = {
      op: 'timer',
      timer: 't',
      shared: false,
      periodNs: 10 * MS,
      phaseNs: 0,
      distanceNs: 0,
      missed,
    };
    const program = [timer, run(MS), timer, run(15 * MS), timer, run(MS), timer, run(MS)];
    const ran = ranOf('t', [task('t', program)]).flatMap(({ from, to }) => {
      const starts = [from / MS];
      // Without a sleep between two runs they are one stretch.
      if (to - from > 15 * MS)
        starts.push(...(to - from >= 17 * MS ? [from / MS + 15, from / MS + 16] : [from / MS + 15]));
      return starts;
    });
    expect(ran).toEqual(begins);
  });

  it('slack lets another interrupt wake a sleeper early, and no later than its end', () => {
    const slack = (others: Parameters<typeof scenario>[0]) => {
      const sleeper = periodic('s', 10 * MS, 1000, { timerSlackNs: 50_000, startNs: 1.3 * MS });
      return simulate(scenario([sleeper, ...others]), 1).recorders[0]?.latency;
    };
    expect(slack([])?.minNs).toBe(50_000);
    // Another thread's timer in the window.
    const other = periodic('o', 10 * MS, 1000, { startNs: 1.32 * MS });
    // The other runs first, for 1 µs.
    expect(slack([other])?.maxNs).toBe(21_000);
  });

  it('slack is 50 µs by default, and none in the classes above fair', () => {
    const least = (name: Parameters<typeof sched>[0], priority = 0) => {
      const sleeper = periodic('s', 10 * MS, 1000, {
        timerSlackNs: null,
        sched: sched(name, priority),
        startNs: 1.3 * MS,
      });
      return simulate(scenario([sleeper]), 1).recorders[0]?.latency.minNs;
    };
    expect([least('fair'), least('batch'), least('bt')]).toEqual([50_000, 50_000, 50_000]);
    expect([least('fifo', 1), least('vmf')]).toEqual([0, 0]);
  });
});

describe('distance', () => {
  it('makes the period of instance i longer by i times itself, as cyclictest -d does', () => {
    const timer: Step = {
      op: 'timer',
      timer: 't',
      shared: false,
      periodNs: MS,
      phaseNs: null,
      distanceNs: MS / 2,
      missed: 'skip',
    };
    const record: Step = { op: 'record', recorder: 'r', since: 'timer', binsUs: 10 };
    const result = simulate(
      scenario([task('t', forever(timer, record), { count: 3 })], { machine: ideal(4), durationNs: 60 * MS }),
      1,
    );
    expect(result.recorders[0]?.threads.map(({ count }) => count)).toEqual([60, 40, 30]);
  });
});

describe('synchronisation', () => {
  it('a mutex is held by one task at a time', () => {
    const critical: Step[] = [{ op: 'lock', mutex: 'm' }, run(3 * MS), { op: 'unlock', mutex: 'm' }, sleep(100_000)];
    const owner = (name: string) =>
      ranOf(name, [task('a', forever(...critical)), task('b', forever(...critical))], two);
    const [a, b] = [owner('a').filter(({ from, to }) => to > from), owner('b').filter(({ from, to }) => to > from)];
    expect(a.length).toBeGreaterThan(10);
    expect(longestOverlap(a, b, true)).toBe(0);
  });

  it('a condition wakes one or all, with its mutex taken again', () => {
    const waiter: Step[] = [
      { op: 'lock', mutex: 'm' },
      { op: 'wait', condition: 'c', mutex: 'm' },
      run(MS),
      { op: 'unlock', mutex: 'm' },
    ];
    const ended = (all: boolean) => {
      const signal: Step = { op: 'signal', condition: 'c', all };
      const tasks = [task('w', waiter, { count: 3 }), task('s', [sleep(10 * MS), signal])];
      return cpuNs(simulate(scenario(tasks, two), 1), 'w') / MS;
    };
    expect(ended(false)).toBe(1);
    expect(ended(true)).toBe(3);
  });

  it('a channel keeps messages until they are received', () => {
    const tasks = [
      task('producer', [{ op: 'loop', times: 5, body: [run(MS), { op: 'send', channel: 'q' }] }]),
      task('consumer', forever({ op: 'receive', channel: 'q' }, run(2 * MS))),
    ];
    expect(cpuNs(simulate(scenario(tasks, two), 1), 'consumer')).toBe(10 * MS);
  });

  it('a barrier holds everyone until the last has come', () => {
    const slow = (name: string, first: number) =>
      task(name, [run(first * MS), { op: 'barrier', barrier: 'b' }, run(MS)]);
    const tasks = [slow('fast', 1), slow('slow', 20)];
    expect(ranOf('fast', tasks, two).at(-1)).toMatchObject({ from: 20 * MS, to: 21 * MS });
  });

  it('resume wakes a suspended task, and is lost on one that is not', () => {
    const sleeper = task('sleeper', forever({ op: 'suspend' }, run(MS)));
    const waker = task('waker', [{ op: 'loop', times: 4, body: [sleep(10 * MS), { op: 'resume', task: 'sleeper' }] }]);
    expect(cpuNs(simulate(scenario([sleeper, waker], two), 1), 'sleeper')).toBe(4 * MS);
  });
});

describe('system calls', () => {
  it('end with a reschedule that is due, before the task goes on to its next step', () => {
    const server = task('server', forever({ op: 'receive', channel: 'q' }, run(MS), { op: 'send', channel: 'a' }), {
      sched: sched('fifo', 1),
    });
    const client = task('client', forever({ op: 'send', channel: 'q' }, { op: 'receive', channel: 'a' }, run(MS)));
    const { trace } = simulate(scenario([server, client], { durationNs: 100 * MS }), 1, { trace: WHOLE });
    const states = trace.flatMap((one) => (one.event === 'switch' && one.prev === 'client' ? [one.prevState] : []));
    expect(states.length).toBeGreaterThan(40);
    expect(new Set(states)).toEqual(new Set(['R+']));
  });
});

describe('tasks', () => {
  it('fork takes from its pool, and exit gives back', () => {
    const child = task('child', [run(MS)], { count: 2, start: 'fork' });
    const parent = task('parent', [{ op: 'loop', times: 10, body: [{ op: 'fork', task: 'child' }, sleep(5 * MS)] }]);
    expect(cpuNs(simulate(scenario([child, parent]), 1), 'child')).toBe(10 * MS);
  });

  it('a child begins under its declared policy, whatever its predecessor in the pool had become', () => {
    const child = task('child', [run(MS), { op: 'policy', sched: sched('fifo', 5) }, run(MS)], {
      count: 1,
      start: 'fork',
      sched: sched('bt', 0),
    });
    const parent = task('parent', [
      { op: 'fork', task: 'child' },
      sleep(20 * MS),
      { op: 'fork', task: 'child' },
      run(10 * MS),
    ]);
    expect(ranOf('child', [child, parent]).at(-1)).toMatchObject({ from: 30 * MS, to: 32 * MS });
  });

  it('an empty pool ends the simulation, and names the task', () => {
    const child = task('child', [run(100 * MS)], { count: 2, start: 'fork' });
    const parent = task('parent', forever({ op: 'fork', task: 'child' }, sleep(MS)));
    expect(() => simulate(scenario([child, parent]), 1)).toThrow(/parent.*pool of child.*2/);
  });

  it('a policy step moves the running task to its new class', () => {
    const riser = task('riser', [
      run(5 * MS),
      { op: 'policy', sched: sched('fifo', 5) },
      run(20 * MS),
      { op: 'policy', sched: fair() },
      ...hog,
    ]);
    const ran = ranOf('riser', [riser, task('hog', hog)]);
    expect(ran.some(({ from, to }) => to - from >= 20 * MS)).toBe(true);
    expect(ran.slice(-5).every(({ from, to }) => to - from <= 8 * MS)).toBe(true);
  });

  describe('exec', () => {
    /** Runs 5 ms from 9 ms on, beside a hog of CPU 0, while CPU 1 is busy until 12 ms; then it begins another program. */
    const ran = (program: Step[], more: Parameters<typeof task>[2] = {}) => {
      const tasks = [
        task('hog', hog, { cpus: [0] }),
        task('passing', [run(12 * MS)], { cpus: [1] }),
        task('t', [run(5 * MS), ...program, run(5 * MS)], { startCpu: 0, startNs: 9 * MS, ...more }),
      ];
      return ranOf('t', tasks, two).map(({ cpu, from, to }) => [cpu, from / MS, to / MS]);
    };

    it('moves the running task to an idle CPU at once', () => {
      expect(ran([{ op: 'exec' }])).toEqual([
        [0, 9, 14],
        [1, 14, 19],
      ]);
      expect(ran([])).not.toContainEqual([1, 14, 19]);
    });

    it('respects affinity, and leaves real-time tasks where they are', () => {
      expect(ran([{ op: 'exec' }], { cpus: [0] }).every(([cpu]) => cpu === 0)).toBe(true);
      expect(ran([{ op: 'exec' }], { sched: sched('fifo', 1), cpus: [0] })).toEqual([[0, 9, 19]]);
      const everywhere = task('rt', [run(5 * MS), { op: 'exec' }, run(5 * MS)], { sched: sched('fifo', 1) });
      expect(ranOf('rt', [everywhere, task('hog', hog, { cpus: [0], startNs: MS })], two)).toHaveLength(1);
    });

    it('leaves a task that is alone on its CPU there', () => {
      const alone = task('t', [run(5 * MS), { op: 'exec' }, run(5 * MS)], { startCpu: 2 });
      const ran = ranOf('t', [alone], { machine: { ...ideal(4), cpusPerLlc: 2 } });
      expect(ran).toMatchObject([{ cpu: 2, from: 0, to: 10 * MS }]);
    });
  });

  it('yield lets an equal go first', () => {
    const tasks = [task('polite', forever(run(MS), { op: 'yield' })), task('hog', hog)];
    const result = simulate(scenario(tasks), 1);
    expect(result.tasks[0]?.involuntarySwitches).toBeGreaterThan(100);
  });

  it('pinEach binds instance i to the i-th CPU', () => {
    const tasks = [task('t', hog, { count: 3, cpus: [0, 1, 2], pinEach: true })];
    const result = simulate(scenario(tasks, { machine: ideal(4) }), 1);
    expect(result.cpus.map(({ idleNs }) => idleNs === 0)).toEqual([true, true, true, false]);
  });

  it('a program in which time stands still is an error that names the task', () => {
    const ping = task('ping', forever({ op: 'send', channel: 'a' }, { op: 'receive', channel: 'b' }));
    const pong = task('pong', forever({ op: 'receive', channel: 'a' }, { op: 'send', channel: 'b' }));
    expect(() => simulate(scenario([ping, pong]), 1)).toThrow(SimulationError);
    expect(() => simulate(scenario([ping, pong]), 1)).toThrow(/test: no progress: task (ping|pong) keeps/);
  });
});

describe('recorders', () => {
  it('count every sample exactly, in all and a thread', () => {
    const result = simulate(scenario([periodic('t', MS, 1000, { count: 2 })], two), 1);
    const recorder = result.recorders[0];
    expect(recorder?.latency.count).toBe(2000);
    expect(recorder?.threads.map(({ count }) => count)).toEqual([1000, 1000]);
    expect(recorder?.threads[0]?.microseconds[0]).toBe(1000);
  });

  it('stamps measure what lies between', () => {
    const program = forever(
      { op: 'stamp' },
      run(2 * MS),
      { op: 'record', recorder: 'r', since: 'stamp', binsUs: 0 },
      sleep(MS),
    );
    const recorder = simulate(scenario([task('t', program)]), 1).recorders[0];
    expect([recorder?.latency.minNs, recorder?.latency.maxNs]).toEqual([2 * MS, 2 * MS]);
  });
});

describe('limits', () => {
  it('1,024 CPUs', () => {
    const result = simulate(
      scenario([task('t', hog, { count: 1024 })], { machine: ideal(1024), durationNs: 20 * MS }),
      1,
    );
    expect(result.cpus.filter(({ idleNs }) => idleNs < 10 * MS)).toHaveLength(1024);
  });

  it('1,048,576 tasks', () => {
    const sleeper = task('t', forever(sleep(1000 * MS), run(1000)), { count: 2 ** 20 });
    const simulation = Simulation.create(scenario([sleeper], { machine: ideal(4) }), 1);
    simulation.run(10 * MS);
    expect(simulation.result().tasks[0]?.wakeups).toBe(2 ** 20);
  });
});
