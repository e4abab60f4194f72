/** Which ticks a trace shows: of one that was counted all on the grid, of real time those that leave marks. */
import { describe, expect, test } from 'vitest';
import type { Cast } from '../../src/validate/history.js';
import { gridTicks, shownTicks } from '../../src/validate/ticks.js';
import type { RecordedTrace, TracedEvent } from '../../src/validate/trace.js';

const TICK = 4e6;
const A = { name: 'a', pid: 1, prio: 120 };
const B = { name: 'b', pid: 2, prio: 120 };
const WORKER = { name: 'kworker/0:1', pid: 9, prio: 120 };
const IDLE = { name: 'swapper/0', pid: 0, prio: 120 };

/** a and b are the scenario's tasks. */
const cast = {
  own: new Set([0, 1]),
  byPid: new Map([
    [1, 0],
    [2, 1],
    [9, 2],
  ]),
} as unknown as Cast;

type Switch = Extract<TracedEvent, { event: 'switch' }>;
const switched = (
  ms: number,
  prev: typeof A,
  next: typeof A,
  prevState: Switch['prevState'] = 'runnable',
): TracedEvent => ({
  event: 'switch',
  cpu: 0,
  atNs: ms * 1e6,
  prev,
  prevState,
  next,
});
const waking = (ms: number, task: typeof A): TracedEvent => ({
  event: 'waking',
  cpu: 0,
  atNs: ms * 1e6,
  task,
  target: 0,
});
const wakeup = (ms: number, task: typeof A): TracedEvent => ({
  event: 'wakeup',
  cpu: 0,
  atNs: ms * 1e6,
  task,
  target: 0,
  fresh: false,
});
const shown = (...events: TracedEvent[]) => {
  const { known, preempting } = shownTicks({ events } as RecordedTrace, cast, 1, TICK);
  return { known: (known[0] ?? []).map((ns) => ns / 1e6), preempting: [...preempting].map(({ atNs }) => atNs / 1e6) };
};
const begin = switched(0.1, IDLE, A);

describe('a trace of counted time', () => {
  test('has ticks at every grid point', () => {
    const { known, preempting } = gridTicks(
      { events: [begin, switched(8.01, A, B), switched(13, B, A)] } as RecordedTrace,
      1,
      TICK,
      60e3,
    );
    expect(known[0]?.map((ns) => Math.round(ns / 1e6))).toEqual([4, 8, 12]);
    expect([...preempting].map(({ atNs }) => atNs)).toEqual([8.01e6]);
  });
});

describe('a trace of real time', () => {
  test('shows a tick that preempts, when it came', () => {
    expect(shown(begin, switched(9.8, A, B))).toEqual({ known: [], preempting: [9.8] });
  });

  test('does not show one in what a wakeup, a sleep or the idle task did', () => {
    expect(shown(begin, wakeup(9.7, B), switched(9.8, A, B)).preempting).toEqual([]);
    expect(shown(begin, switched(9.8, A, B, 'asleep')).preempting).toEqual([]);
    expect(shown(begin, switched(2, A, IDLE, 'asleep'), switched(9.8, IDLE, B)).preempting).toEqual([]);
  });

  test('shows one that wakes a kernel thread under a task that computes', () => {
    expect(shown(begin, waking(5.8, WORKER)).known).toEqual([5.8]);
    expect(shown(begin, waking(5.8, B)).known).toEqual([]);
    expect(shown(begin, switched(2, A, IDLE, 'asleep'), waking(5.8, WORKER)).known).toEqual([]);
  });

  test('holds those between two on time if they all were, but for what came with a wakeup', () => {
    const onTime = [begin, waking(4.1, WORKER), switched(20.1, A, B)];
    expect(shown(...onTime).known.map(Math.round)).toEqual([4, 8, 12, 16]);
    expect(shown(begin, waking(4.1, WORKER), wakeup(12.1, B), switched(20.1, A, B)).known.map(Math.round)).toEqual([
      4, 8, 16,
    ]);
  });

  test('holds none between if some were late', () => {
    expect(shown(begin, waking(4.1, WORKER), switched(14, A, B), switched(20.1, B, A)).known).toEqual([4.1]);
  });
});
