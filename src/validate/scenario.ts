/**
 * Maps a recorded scenario to one that can be simulated: T0 of the recording is time 0 of the simulation.
 */
import type { BtTunables, CgroupSpec, Kernel, Machine, Scenario, TaskSpec } from '../scenario/scenario.js';
import { externalTask, kernelThreads } from './background.js';
import { type ProgramCosts, programCosts } from './costs.js';
import { childProgram, childrenOf, programOf, schedOf, sleepUntil } from './programs.js';
import type { RecordedScenario, RecordedTask, Recording } from './recordings.js';

/** The task that stands for the recordings' controller; like all outside the scenario, it is not compared. */
export const CONTROLLER = '~scnctl';

const NS_PER_MS = 1_000_000;
/**
 * Without a trace: the controller's first sched_waking after T0, and the time from one to the next: medians over the first lines of
 * validation/recordings/traces/6.1-icount-a-S*.txt.gz after `scn_start`.
 */
const FIRST_WAKE_NS = 27_791;
const NEXT_WAKE_NS = 2_919;
/**
 * Where a task's vruntime lies as it first wakes, seen in the recorded vruntimes (labels *-icount-vr). A fair task that was forked last
 * has slept so briefly that it is where the queue is; the others have slept long enough for the full credit of a sleeper. BT queues
 * had hardly run at all, so that their tasks still lie in the order in which they were forked. Under EEVDF it is the lag that they went to
 * sleep with, which the first decisions of a trace show.
 */
function startLagNs(
  { name, policy }: RecordedTask,
  order: number,
  count: number,
  lags: Recording['lags'],
): number | null {
  const known = lags.get(name);
  if (known !== undefined) return known;
  if (policy === 'bt' || policy === 'cgbt') return count - 1 - order;
  return order === count - 1 ? 0 : null;
}

/** scn.c sets it for all its tasks (PR_SET_TIMERSLACK). */
const TIMER_SLACK_NS = 1;

/** What an external program is called in the summaries. */
const EXTERNAL = '~cyclictest';
const NS_PER_US = 1000;

/** Files that scenarios write before they run, and what each changes. */
const SETTINGS: ReadonlyArray<{
  pattern: RegExp;
  apply: (bt: BtTunables, value: number, cpu: number, offlineGroup: boolean) => BtTunables;
}> = [
  {
    // Without effect when the boot option offline_group leaves the budget to /proc/offline (B04q).
    pattern: /^\/proc\/sys\/kernel\/sched_bt_runtime_us$/,
    apply: (bt, us, _cpu, offlineGroup) => (offlineGroup || us < 0 ? bt : { ...bt, runtimeNs: us * NS_PER_US }),
  },
  {
    pattern: /^\/proc\/sys\/kernel\/sched_bt_load_fair$/,
    apply: (bt, value) => ({ ...bt, loadFair: value !== 0 }),
  },
  {
    pattern: /^\/proc\/offline\/cpu(\d+)$/,
    apply: (bt, percent, cpu) => ({
      ...bt,
      percent: Array.isArray(bt.percent) ? bt.percent.with(cpu, percent) : percent,
    }),
  },
];

/** The kernel with what the scenario writes before it runs. */
function withSettings(kernel: Kernel, { boot, set }: RecordedScenario, cpus: number): Kernel {
  const percent = Array.from({ length: cpus }, () => (Array.isArray(kernel.bt.percent) ? 100 : kernel.bt.percent));
  const bt = (set?.before ?? []).reduce(
    (changed: BtTunables, [path, value]) => {
      const setting = SETTINGS.find(({ pattern }) => pattern.test(path));
      const cpu = Number(setting?.pattern.exec(path)?.[1] ?? 0);
      return setting?.apply(changed, Number(value), cpu, boot.includes('offline_group')) ?? changed;
    },
    { ...kernel.bt, percent },
  );
  return { ...kernel, bt };
}

/** A scenario to simulate, or why this version cannot. */
export type Mapping = { scenario: Scenario } | { unsupported: string };

/** The recorded scenario on a machine, under a kernel. */
export function scenarioOf(
  { scenario: recorded, summary, starts, lags, rtPhaseNs }: Omit<Recording, 'entry'>,
  machine: Machine,
  kernel: Kernel,
): Mapping {
  const unsupported = whyUnsupported(recorded);
  if (unsupported !== null) return { unsupported };
  const costs = programCosts(kernel.name);
  const instances = recorded.tasks.flatMap(instancesOf);
  const tasks = instances.map((task, order) => {
    const start = starts.get(task.name) ?? { atNs: FIRST_WAKE_NS + order * NEXT_WAKE_NS, cpu: null };
    return taskSpec(task, { ...start, lagNs: startLagNs(task, order, instances.length, lags) }, machine.cpus, costs);
  });
  const lastStartNs = Math.max(...tasks.map(({ startNs }) => startNs));
  const external = recorded.external === undefined ? null : externalTask(recorded.external, EXTERNAL);
  return {
    scenario: {
      name: recorded.id,
      description: recorded.title,
      durationNs: recorded.duration_ms * NS_PER_MS,
      bootNs: summary.kernel_accounting?.t0_ns ?? 0,
      rtPhaseNs: kernel.rtRuntimeNs < 0 || rtPhaseNs === null ? null : rtPhaseNs % kernel.rtPeriodNs,
      machine,
      kernel: withSettings(kernel, recorded, machine.cpus),
      policy: 'as recorded',
      guests: [],
      cgroups: recorded.cgroups.map(
        (group): CgroupSpec => ({
          name: group.name,
          parent: null,
          weight: group.weight ?? 100,
          idle: group.idle === 1,
          quota:
            group.quota_us === undefined
              ? null
              : {
                  quotaNs: group.quota_us * NS_PER_US,
                  periodNs: (group.period_us ?? 100_000) * NS_PER_US,
                  burstNs: 0,
                  phaseNs: null,
                },
          btShares: group.bt_shares ?? 1024,
          offline: group.offline === 1,
        }),
      ),
      tasks: [
        controllerSpec(lastStartNs + NEXT_WAKE_NS, machine.cpus),
        ...tasks,
        ...instances.flatMap((task) => childSpecs(task, recorded, machine.cpus, costs)),
        ...kernelThreads(summary, 1e9 / kernel.hz),
        ...(external === null ? [] : [external]),
      ],
    },
  };
}

/** The first thing in the scenario that is not simulated yet; null if all is. */
function whyUnsupported({ external, set }: RecordedScenario): string | null {
  if (external !== undefined && externalTask(external, EXTERNAL) === null) {
    return 'an external program took part in it that is not known';
  }
  const setting = set?.before.find(([path]) => !SETTINGS.some(({ pattern }) => pattern.test(path)));
  if (setting !== undefined) return `it sets ${setting[0]} before it runs`;
  return null;
}

/** `count` tasks of one description are told apart by a number, as in the summaries; a single one keeps its name. */
function instancesOf(task: RecordedTask): RecordedTask[] {
  if (task.count === 1) return [task];
  return Array.from({ length: task.count }, (_, i) => ({ ...task, name: `${task.name}${i}`, count: 1 }));
}

function taskSpec(
  task: RecordedTask,
  start: { atNs: number; cpu: number | null; lagNs: number | null },
  cpus: number,
  costs: ProgramCosts,
): TaskSpec {
  const beginNs = task.start_ms * NS_PER_MS;
  return {
    name: task.name,
    count: 1,
    role: null,
    sched: schedOf(task),
    cgroup: task.cgroup,
    // A one-CPU case names its CPU 0, whichever it was.
    cpus: task.affinity.length === 1 && start.cpu !== null ? [start.cpu] : cpusOf(task.affinity, cpus),
    pinEach: false,
    startNs: start.atNs,
    startCpu: start.cpu,
    startLagNs: start.lagNs,
    start: 'run',
    timerSlackNs: TIMER_SLACK_NS,
    sliceNs: task.sched_runtime_us === undefined ? null : task.sched_runtime_us * NS_PER_US,
    cookie: null,
    program: [...sleepUntil(beginNs), ...programOf(task, beginNs, costs)],
  };
}

/**
 * SCHED_FIFO 99, it keeps CPU 0 until all tasks are awake and then sleeps. Without it the first of them would already run, and wakeup preemption would
 * order the others; as it is, the first choice is by vruntime alone.
 */
function controllerSpec(busyNs: number, cpus: number): TaskSpec {
  return {
    name: CONTROLLER,
    count: 1,
    role: null,
    sched: { class: 'fifo', nice: 0, priority: 99 },
    cgroup: null,
    cpus: cpusOf([0], cpus),
    pinEach: false,
    startNs: 0,
    startCpu: null,
    startLagNs: null,
    start: 'run',
    timerSlackNs: TIMER_SLACK_NS,
    sliceNs: null,
    cookie: null,
    program: [{ op: 'busy', duration: { kind: 'fixed', ns: busyNs } }, { op: 'suspend' }],
  };
}

/** The pool of a forking task's children: one for every fork of the whole run, so that it cannot run dry. */
function childSpecs(
  task: RecordedTask,
  { duration_ms }: RecordedScenario,
  cpus: number,
  costs: ProgramCosts,
): TaskSpec[] {
  if (task.behaviour.type !== 'fork') return [];
  const { nchild, period_us, run_us } = task.behaviour;
  return [
    {
      name: childrenOf(task.name),
      count: nchild * Math.ceil((duration_ms * 1000) / period_us),
      role: null,
      sched: schedOf(task),
      cgroup: task.cgroup,
      cpus: cpusOf(task.affinity, cpus),
      pinEach: false,
      startNs: 0,
      startCpu: null,
      startLagNs: null,
      start: 'fork',
      timerSlackNs: TIMER_SLACK_NS,
      sliceNs: null,
      cookie: null,
      program: childProgram(run_us, costs),
    },
  ];
}

/** Null when a task may use all CPUs. */
function cpusOf(affinity: readonly number[], cpus: number): number[] | null {
  const distinct = [...new Set(affinity)].sort((a, b) => a - b);
  return distinct.length === cpus ? null : distinct;
}
