/**
 * Global EDF as it is defined: at every moment those jobs run that have the earliest deadlines, one a CPU. Slow and obvious; only for task
 * sets in which no job is late, so that a task never has two.
 */

/** A periodic task: released at offset, offset + period, …, each job works for `workNs` and is due a period later. */
export interface PeriodicTask {
  offsetNs: number;
  periodNs: number;
  workNs: number;
}

/** A span of time, and the tasks that run in it (their indices, ascending). */
export interface Span {
  fromNs: number;
  toNs: number;
  running: number[];
}

/** What runs until `endNs`. Null: a job is late, or two deadlines are equal, so that the definition leaves a choice. */
export function globalEdf(tasks: readonly PeriodicTask[], cpus: number, endNs: number): Span[] | null {
  const states = tasks.map(({ offsetNs }) => ({ releaseNs: offsetNs, leftNs: 0, dueNs: 0 }));
  const spans: Span[] = [];
  let nowNs = 0;
  while (nowNs < endNs) {
    for (const [i, state] of states.entries()) {
      const task = tasks[i];
      if (task === undefined || state.releaseNs > nowNs) continue;
      if (state.leftNs > 0) return null;
      state.leftNs = task.workNs;
      state.dueNs = state.releaseNs + task.periodNs;
      state.releaseNs += task.periodNs;
    }
    const ready = [...states.keys()].filter((i) => (states[i]?.leftNs ?? 0) > 0);
    const due = (i: number) => states[i]?.dueNs ?? 0;
    if (new Set(ready.map(due)).size < ready.length) return null;
    const running = ready.sort((a, b) => due(a) - due(b)).slice(0, cpus);
    const untilNs = Math.min(
      endNs,
      ...states.map(({ releaseNs }) => releaseNs),
      ...running.map((i) => nowNs + (states[i]?.leftNs ?? 0)),
    );
    for (const i of running) {
      const state = states[i];
      if (state !== undefined) state.leftNs -= untilNs - nowNs;
    }
    spans.push({ fromNs: nowNs, toNs: untilNs, running: running.sort((a, b) => a - b) });
    nowNs = untilNs;
  }
  return spans;
}
