/**
 * What ran in a recording besides its scenario: kernel threads, and an external program. How often and how long is taken from the
 * recording's own summary; it is the history that the scenario ran in, and is not compared.
 */
import type { SchedSettings, TaskSpec } from '../scenario/scenario.js';
import type { RecordedSummary } from './recordings.js';

/** The recordings' controller, which src/validate/scenario.ts simulates, and what bears a scenario task's name. */
const FOREIGN = /^~(?!scnctl$|cyclictest$|forker$|migration$)/;
/** Kernel threads that wake less often than this while a case runs have no rate. */
const MIN_WAKEUPS = 2;

/**
 * The kernel threads of a recording: at even distances on ticks, where timers of the jiffies wheel wake them; the first half a distance after T0,
 * so that as many of them fit in as there were.
 */
export function kernelThreads({ tasks, window_s }: RecordedSummary, tickNs: number): TaskSpec[] {
  return Object.entries(tasks).flatMap(([name, { switches_in, share }]): TaskSpec[] => {
    if (!FOREIGN.test(name) || switches_in < MIN_WAKEUPS) return [];
    const periodNs = Math.max(1, Math.round((window_s * 1e9) / switches_in / tickNs)) * tickNs;
    const runNs = Math.max(1, Math.round((share * window_s * 1e9) / switches_in));
    const startNs = Math.ceil(periodNs / 2 / tickNs) * tickNs;
    return [periodic(name, { class: 'fair', nice: 0, priority: 0 }, periodNs, runNs, 1, startNs)];
  });
}

/** cyclictest's default timer slack is the kernel's; its real-time thread has none. */
const SLACK_NS = 50_000;
/** cyclictest's own work a cycle, less what a switch and a system call cost anyway: its recorded segments are 5.0 µs. */
const CYCLE_NS = 1_000;
/** The first of its cycles, which it needs to start and calibrate for, as recorded in S31 and S32. */
const FIRST_CYCLE_NS = 40e6;

/** An external program of a scenario as a task; null: it is not known here. */
export function externalTask(command: string, name: string): TaskSpec | null {
  const match = /^taskset \S+ cyclictest -q -t1 (?:-p(\d+) )?-i(\d+) /.exec(command);
  if (match === null) return null;
  const [, priority, intervalUs] = match;
  const sched: SchedSettings =
    priority === undefined
      ? { class: 'fair', nice: 0, priority: 0 }
      : { class: 'fifo', nice: 0, priority: Number(priority) };
  const slackNs = priority === undefined ? SLACK_NS : 0;
  return periodic(name, sched, Number(intervalUs) * 1000, CYCLE_NS, slackNs, FIRST_CYCLE_NS);
}

function periodic(
  name: string,
  sched: SchedSettings,
  periodNs: number,
  runNs: number,
  timerSlackNs: number,
  startNs: number,
): TaskSpec {
  return {
    name,
    count: 1,
    role: null,
    sched,
    cgroup: null,
    cpus: null,
    pinEach: false,
    startNs,
    startCpu: null,
    startLagNs: null,
    start: 'run',
    timerSlackNs,
    sliceNs: null,
    program: [
      {
        op: 'loop',
        times: null,
        body: [
          { op: 'run', mode: 'user', duration: { kind: 'fixed', ns: runNs } },
          {
            op: 'timer',
            timer: 'cycle',
            shared: false,
            periodNs,
            phaseNs: startNs,
            distanceNs: 0,
            missed: 'skip',
          },
        ],
      },
    ],
  };
}
