/** Replay: what the recorded kernels decided is what the model decides, and a wrong model is noticed. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { machineFor } from '../../src/cli/validate.js';
import { loadKernel } from '../../src/scenario/load.js';
import type { TaskSpec } from '../../src/scenario/scenario.js';
import { castOf } from '../../src/validate/history.js';
import { estimateOffsets } from '../../src/validate/offsets.js';
import { DEFAULT_RECORDINGS, readIndex, readRecording } from '../../src/validate/recordings.js';
import { replay } from '../../src/validate/replay.js';
import { type ReplayCounts, wrongOf } from '../../src/validate/tally.js';
import { parseTrace, readTrace } from '../../src/validate/trace.js';

const index = readIndex(DEFAULT_RECORDINGS);

function replayed(name: string, label: string, nice?: number): ReplayCounts {
  const entry = index.find((candidate) => candidate.case === name && candidate.label === label);
  const machine = entry === undefined ? null : machineFor(entry);
  if (entry === undefined || entry.trace === null || machine === null) throw new Error(`no recording ${name} ${label}`);
  const trace = readTrace(join(DEFAULT_RECORDINGS, entry.trace));
  if (trace === null) throw new Error('no marker');
  const cast = castOf(readRecording(DEFAULT_RECORDINGS, entry), trace, machine, loadKernel(entry.kernel));
  if (cast === null) throw new Error('no cast');
  if (nice !== undefined) for (const task of cast.scenario.tasks) task.sched = { ...task.sched, nice };
  const options = {
    tickNs: 4e6,
    windowNs: 60e3,
    creditNs: (task?: TaskSpec) => (task?.sched.class === 'idle' ? 375e3 : 3e6),
    offsets: [],
    fromNs: 0,
  };
  return replay(cast, trace, { ...options, ...estimateOffsets(cast, trace, options) });
}

const right = (counts: ReplayCounts): number => 1 - wrongOf(counts) / counts.decisions;

describe('vruntime to the nanosecond', () => {
  test.each(['S01', 'S02', 'S04', 'S05', 'S06', 'S07', 'S11', 'S33', 'S38'])(
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
    expect(right(replayed('S02', '6.1-icount-a', 0))).toBeLessThan(0.9);
    expect(right(replayed('S02', '6.1-icount-a'))).toBeGreaterThan(0.99);
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
