/**
 * Maps a recorded scenario to one that can be simulated: T0 of the recording is time 0 of the simulation.
 */
import type { CgroupSpec, Kernel, Machine, Scenario, TaskSpec } from '../scenario/scenario.js';
import { CHILD_NAME, childProgram, programOf, schedOf, sleepUntil } from './programs.js';
import type { RecordedScenario, RecordedTask } from './recordings.js';

/** The task that stands for the recordings' controller; like all outside the scenario, it is not compared. */
export const CONTROLLER = '~scnctl';

const NS_PER_MS = 1_000_000;
/**
 * The controller's first sched_waking after T0, and the time from one to the next: medians over the first lines of
 * validation/recordings/traces/6.1-icount-a-S*.txt.gz after `scn_start`.
 */
const FIRST_WAKE_NS = 27_791;
const NEXT_WAKE_NS = 2_919;
/** scn.c sets it for all its tasks (PR_SET_TIMERSLACK). */
const TIMER_SLACK_NS = 1;

/** A scenario to simulate, or why this version cannot. */
export type Mapping = { scenario: Scenario } | { unsupported: string };

/** The recorded scenario on a machine, under a kernel. */
export function scenarioOf(recorded: RecordedScenario, machine: Machine, kernel: Kernel): Mapping {
  const unsupported = whyUnsupported(recorded);
  if (unsupported !== null) return { unsupported };
  const tasks = recorded.tasks.flatMap(instancesOf).map((task, order) => taskSpec(task, order, machine.cpus));
  return {
    scenario: {
      name: recorded.id,
      description: recorded.title,
      durationNs: recorded.duration_ms * NS_PER_MS,
      machine,
      kernel,
      policy: 'as recorded',
      cgroups: recorded.cgroups.map(
        (group): CgroupSpec => ({
          name: group.name,
          parent: null,
          weight: group.weight ?? 100,
          offline: group.offline === 1,
        }),
      ),
      tasks: [
        controllerSpec(tasks.length, machine.cpus),
        ...tasks,
        ...recorded.tasks.flatMap((task) => childSpecs(task, recorded, machine.cpus)),
      ],
    },
  };
}

/** The first thing in the scenario that is not simulated yet; null if all is. */
function whyUnsupported({ tasks, cgroups, external, set }: RecordedScenario): string | null {
  if (external !== undefined) return 'an external program took part in it';
  if (set !== undefined && set !== null) return 'it changes kernel settings before it runs';
  for (const group of cgroups) {
    if (group.quota_us !== undefined) return `cgroup ${group.name} has a quota`;
    if (group.idle === 1) return `cgroup ${group.name} is idle (cpu.idle)`;
    if (group.bt_shares !== undefined) return `cgroup ${group.name} has bt_shares`;
  }
  const custom = tasks.find((task) => (task.sched_runtime_us ?? 0) > 0);
  if (custom !== undefined) return `task ${custom.name} has a slice of its own`;
  if (tasks.filter((task) => task.behaviour.type === 'fork').length > 1) return 'more than one task forks';
  return null;
}

/** `count` tasks of one description are told apart by a number, as in the summaries; a single one keeps its name. */
function instancesOf(task: RecordedTask): RecordedTask[] {
  if (task.count === 1) return [task];
  return Array.from({ length: task.count }, (_, i) => ({ ...task, name: `${task.name}${i}`, count: 1 }));
}

/** `order` is the task's place in the row of those that the controller wakes. */
function taskSpec(task: RecordedTask, order: number, cpus: number): TaskSpec {
  const beginNs = task.start_ms * NS_PER_MS;
  return {
    name: task.name,
    count: 1,
    role: null,
    sched: schedOf(task),
    cgroup: task.cgroup,
    cpus: cpusOf(task.affinity, cpus),
    pinEach: false,
    startNs: FIRST_WAKE_NS + order * NEXT_WAKE_NS,
    start: 'run',
    timerSlackNs: TIMER_SLACK_NS,
    program: [...sleepUntil(beginNs), ...programOf(task.behaviour, beginNs)],
  };
}

/**
 * SCHED_FIFO 99, it keeps CPU 0 until all tasks are awake and then sleeps. Without it the first of them would already run, and wakeup preemption would
 * order the others; as it is, the first choice is by vruntime alone.
 */
function controllerSpec(tasks: number, cpus: number): TaskSpec {
  return {
    name: CONTROLLER,
    count: 1,
    role: null,
    sched: { class: 'fifo', nice: 0, priority: 99 },
    cgroup: null,
    cpus: cpusOf([0], cpus),
    pinEach: false,
    startNs: 0,
    start: 'run',
    timerSlackNs: TIMER_SLACK_NS,
    program: [{ op: 'busy', duration: { kind: 'fixed', ns: FIRST_WAKE_NS + tasks * NEXT_WAKE_NS } }, { op: 'suspend' }],
  };
}

/** The pool of a forking task's children: one for every fork of the whole run, so that it cannot run dry. */
function childSpecs(task: RecordedTask, { duration_ms }: RecordedScenario, cpus: number): TaskSpec[] {
  if (task.behaviour.type !== 'fork') return [];
  const { nchild, period_us, run_us } = task.behaviour;
  return [
    {
      name: CHILD_NAME,
      count: task.count * nchild * Math.ceil((duration_ms * 1000) / period_us),
      role: null,
      sched: schedOf(task),
      cgroup: task.cgroup,
      cpus: cpusOf(task.affinity, cpus),
      pinEach: false,
      startNs: 0,
      start: 'fork',
      timerSlackNs: TIMER_SLACK_NS,
      program: childProgram(run_us),
    },
  ];
}

/** Null when a task may use all CPUs. */
function cpusOf(affinity: readonly number[], cpus: number): number[] | null {
  const distinct = [...new Set(affinity)].sort((a, b) => a - b);
  return distinct.length === cpus ? null : distinct;
}
