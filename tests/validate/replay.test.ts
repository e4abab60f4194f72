/** Replay: what the recorded kernels decided is what the model decides, and a wrong model is noticed. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { machineFor } from '../../src/cli/validate.js';
import { loadKernel } from '../../src/scenario/load.js';
import type { Kernel, Scenario } from '../../src/scenario/scenario.js';
import { castOf } from '../../src/validate/history.js';
import { DEFAULT_RECORDINGS, readIndex, readRecording } from '../../src/validate/recordings.js';
import { replay } from '../../src/validate/replay.js';
import { inferred, lagsOf, type ReplayInput } from '../../src/validate/replay_input.js';
import { type ReplayCounts, wrongOf } from '../../src/validate/tally.js';
import { parseTrace, readTrace } from '../../src/validate/trace.js';

const index = readIndex(DEFAULT_RECORDINGS);

/** A recording's replay with what is inferred of the time before it, under a scenario or kernel that is changed first. */
function replayed(
  name: string,
  label: string,
  change: (scenario: Scenario) => void = () => {},
  kernel: (recorded: Kernel) => Kernel = (recorded) => recorded,
): ReplayCounts {
  const { cast, trace, options } = inputOf(name, label, change, kernel);
  return replay(cast, trace, options).counts;
}

function inputOf(
  name: string,
  label: string,
  change: (scenario: Scenario) => void = () => {},
  kernel: (recorded: Kernel) => Kernel = (recorded) => recorded,
): ReplayInput {
  const entry = index.find((candidate) => candidate.case === name && candidate.label === label);
  const machine = entry === undefined ? null : machineFor(entry);
  if (entry === undefined || entry.trace === null || machine === null) throw new Error(`no recording ${name} ${label}`);
  const trace = readTrace(join(DEFAULT_RECORDINGS, entry.trace));
  if (trace === null) throw new Error('no marker');
  const cast = castOf(readRecording(DEFAULT_RECORDINGS, entry), trace, machine, kernel(loadKernel(entry.kernel)));
  if (cast === null) throw new Error('no cast');
  change(cast.scenario);
  return inferred(cast, trace, {
    tickNs: 4e6,
    realTime: entry.mode !== 'icount',
    windowNs: entry.mode === 'icount' ? 60e3 : 3e6,
    creditNs: (task) => (task?.sched.class === 'idle' ? 375e3 : 3e6),
    offsets: [],
    fromNs: 0,
  });
}

const withoutNice = (scenario: Scenario): void => {
  for (const task of scenario.tasks) task.sched = { ...task.sched, nice: 0 };
};

const right = (counts: ReplayCounts): number => 1 - wrongOf(counts) / counts.decisions;
const rightPct = (...args: Parameters<typeof replayed>): number => 100 * right(replayed(...args));

describe('vruntime to the nanosecond', () => {
  test.each(['S01', 'S02', 'S04', 'S05', 'S06', 'S07', 'S11', 'S17', 'S33', 'S38'])(
    'linux-6.1 %s: every charge and every decision',
    (name) => {
      const counts = replayed(name, '6.1-icount-vr');
      expect(counts.decisions).toBeGreaterThan(400);
      expect(right(counts)).toBe(1);
      expect(counts.charges).toBeGreaterThan(400);
      expect([counts.matchedCharges, counts.firstMismatch]).toEqual([counts.charges, null]);
    },
  );

  test.each(['S01', 'S02', 'S04', 'S05'])('tk3-4.14 %s', (name) => {
    const counts = replayed(name, 'tk3-4.14cfs-icount-vr');
    expect(right(counts)).toBe(1);
    expect(counts.matchedCharges).toBe(counts.charges);
  });
});

describe('decisions', () => {
  test.each([
    ['S01', '6.1-icount-a'],
    ['S17', '6.1-icount-a'],
    ['S18', '6.1-icount-a'],
    ['S01', '6.12-icount-a'],
    ['S06', '6.12-icount-a'],
    ['B03', 'tk3-4.14bt-icount-a'],
    ['B24', 'tk3-4.14bt-icount-a'],
  ])('%s %s: at least 99 %% right', (name, label) => {
    expect(right(replayed(name, label))).toBeGreaterThan(0.99);
  });

  test('a model that ignores nice is noticed', () => {
    expect(right(replayed('S02', '6.1-icount-a', withoutNice))).toBeLessThan(0.9);
    expect(right(replayed('S02', '6.1-icount-a'))).toBeGreaterThan(0.99);
  });
});

describe('two CPUs, emulated in real time', () => {
  test.each([
    ['B05b', 'tk3-4.14bt-mttcg2-a'],
    ['B15', 'tk3-4.14bt-mttcg2-a'],
    ['B26d', 'tk3-4.14bt-mttcg2-a'],
    ['S14', 'tk3-4.14bt-mttcg2-a'],
    ['S14', '6.1-mttcg2'],
    ['S14', '6.12-mttcg2'],
  ])('%s %s: at least 98 %% right', (name, label) => {
    expect(rightPct(name, label)).toBeGreaterThan(98);
  });

  test('a model that ignores nice is noticed', () => {
    expect(right(replayed('S02', '6.1-mttcg2', withoutNice))).toBeLessThan(0.7);
    expect(right(replayed('S02', '6.1-mttcg2'))).toBeGreaterThan(0.98);
  });

  test.each([
    ['S14', 'tk3-4.14bt-mttcg2-a'],
    ['B05b', 'tk3-4.14bt-mttcg2-a'],
    ['S01', '6.1-mttcg2'],
  ])('%s %s: slices of twice the length are noticed', (name, label) => {
    const { latencyNs, minGranularityNs } = loadKernel(label.startsWith('tk3') ? 'tk3-4.14' : 'linux-6.1');
    const longer = { latencyNs: 2 * latencyNs, minGranularityNs: 2 * minGranularityNs };
    expect(
      rightPct(
        name,
        label,
        () => {},
        (kernel) => ({ ...kernel, ...longer }),
      ),
    ).toBeLessThan(80);
  });
});

describe('what was used before the recording began', () => {
  test.each([
    ['B04c', 'tk3-4.14bt-icount-a'],
    ['S12', '6.12-icount-a'],
  ])('%s %s: is inferred once, and all the rest counts', (name, label) => {
    expect(rightPct(name, label)).toBeGreaterThan(99);
  });

  test.each(['6.1-icount-a', '6.1-mttcg2'])('does not explain a quota that is a quarter too large: S12 %s', (label) => {
    const withMore = ({ cgroups }: Scenario): void => {
      for (const { quota } of cgroups) if (quota !== null) quota.quotaNs *= 1.25;
    };
    expect(right(replayed('S12', label))).toBeGreaterThan(0.98);
    expect(right(replayed('S12', label, withMore))).toBeLessThan(0.95);
  });
});

describe('where tasks lay before the recording began', () => {
  test.each([
    ['S04', '6.12-icount-a'],
    ['S07', '6.12-icount-a'],
    ['S18', '6.12-icount-a'],
    ['S19', '6.12-icount-a'],
    ['S19', '6.1-icount-a'],
    ['S29', '6.12-icount-a'],
    ['S38', '6.1-icount-a'],
    ['S38', 'tk3-4.14cfs-icount-a'],
  ])('%s %s: is estimated from its begin, and at least 99 %% of the rest is right', (name, label) => {
    const { options } = inputOf(name, label);
    expect(options.offsets).not.toEqual([]);
    expect(options.fromNs).toBeGreaterThan(0);
    expect(rightPct(name, label)).toBeGreaterThan(99);
  });

  test('is nearly the same in recordings whose tasks were started alike', () => {
    const lags = ['S10', 'S29', 'S30', 'S33', 'S35'].map((name) => {
      const { cast, options } = inputOf(name, '6.12-icount-a');
      return lagsOf(cast, options.offsets);
    });
    const spreadNs = (task: string): number => {
      const all = lags.map((of) => of.get(task) ?? Number.NaN);
      return Math.max(...all) - Math.min(...all);
    };
    expect(spreadNs('hog1')).toBeLessThan(0.3e6);
    expect(spreadNs('hog2')).toBeLessThan(0.3e6);
    expect(lags.every((of) => (of.get('hog1') ?? 0) > 0.9e6)).toBe(true);
  });

  const kernel = (name: string) => (): Kernel => loadKernel(name);
  const asIdle = (scenario: Scenario): void => {
    for (const task of scenario.tasks) if (task.sched.class === 'bt') task.sched = { ...task.sched, class: 'idle' };
  };
  const same = (): void => {};

  test.each([
    ['CFS as EEVDF', 'S33', '6.1-icount-a', same, kernel('linux-6.12')],
    ['CFS as EEVDF', 'S35', '6.1-icount-a', same, kernel('linux-6.12')],
    ['EEVDF as CFS', 'S33', '6.12-icount-a', same, kernel('linux-6.1')],
    ['EEVDF as CFS', 'S35', '6.12-icount-a', same, kernel('linux-6.1')],
    ['EEVDF as CFS', 'S07', '6.12-icount-a', same, kernel('linux-6.1')],
    ['EEVDF as CFS', 'S18', '6.12-icount-a', same, kernel('linux-6.1')],
    ['EEVDF as CFS', 'S29', '6.12-icount-a', same, kernel('linux-6.1')],
    ['BT as SCHED_IDLE', 'B03', 'tk3-4.14bt-icount-a', asIdle, undefined],
    ['BT as SCHED_IDLE', 'B04c', 'tk3-4.14bt-icount-a', asIdle, undefined],
    ['BT as SCHED_IDLE', 'B10', 'tk3-4.14bt-icount-a', asIdle, undefined],
    ['nice ignored', 'S02', '6.12-icount-a', withoutNice, undefined],
  ] as const)('does not make a wrong policy agree: %s, %s %s', (_, name, label, change, wrong) => {
    expect(rightPct(name, label, change, wrong)).toBeLessThan(95);
  });
});

describe('a history', () => {
  test('in which a task turns real-time is followed: S32 6.12-icount-a', () => {
    expect(rightPct('S32', '6.12-icount-a')).toBeGreaterThan(99.5);
  });

  test('shows once when the fair server had its turn, and the next turns are right: S16 6.12-icount-a', () => {
    const counts = replayed('S16', '6.12-icount-a');
    expect([counts.missedPreemptions, counts.extraPreemptions]).toEqual([0, 0]);
  });
});

describe('a trace', () => {
  const text = [
    'cpus=1',
    'my-task-7 [000] 0.999999999: sched_waking: comm=x pid=1 prio=120 target_cpu=000',
    'scnctl-5 [001] 1.000000500: print: 0xffff: scn_start 1000000000',
    'scnctl-5 [001] 1.000001000: sched_waking: comm=my task pid=7 prio=120 success=1 target_cpu=001',
    'scnctl-5 [001] 1.000002000: sched_wakeup: my task:7 [120] success=1 CPU:001',
    'scnctl-5 [001] 1.000003000: sched_switch: scnctl:5 [0] S ==> my task:7 [120]',
    'my task-7 [001] 1.000004000: sched_stat_runtime: comm=my task pid=7 runtime=12 [ns] vruntime=18446744073709551615 [ns]',
    'my task-7 [001] 1.000005000: sched_process_fork: comm=my task pid=7 child_comm=my task child_pid=9',
    'my task-7 [001] 1.000006000: irq_handler_entry: irq=1 name=x',
    'my task-7 [001] 1.000007000: sched_switch: my task:7 [120] R+ ==> kworker/0:1:10 [120]',
    'kworker/0:1-10 [001] 1.000008000: sched_switch: kworker/0:1:10 [120] W ==> swapper/1:0 [120]',
    'rubbish',
  ].join('\n');

  test('begins at its marker; names may hold spaces, dashes and colons', () => {
    const trace = parseTrace(text);
    expect(trace).toMatchObject({ bootNs: 1e9, controller: { name: 'scnctl', pid: 5 }, controllerCpu: 1 });
    expect(trace?.events.map(({ event, atNs }) => [event, atNs])).toEqual([
      ['waking', 1000],
      ['wakeup', 2000],
      ['switch', 3000],
      ['charge', 4000],
      ['fork', 5000],
      ['switch', 7000],
      ['switch', 8000],
    ]);
    expect(trace?.events[3]).toMatchObject({ pid: 7, ranNs: 12, vruntime: 2n ** 64n - 1n });
    expect(trace?.events[5]).toMatchObject({ prevState: 'runnable', next: { name: 'kworker/0:1', pid: 10 } });
    expect(trace?.events[6]).toMatchObject({ prevState: 'asleep', next: { pid: 0 } });
  });

  test('without a marker is none', () => {
    expect(parseTrace('a-1 [000] 0.000000001: sched_waking: comm=a pid=1 prio=120 target_cpu=000')).toBeNull();
  });
});
