/** RUE as the kernel's tables hold it, its threads, and what may be asked about it afterwards. */
import { NO_QOS, priorityOf, RUE_PARTS } from '../scenario/rue.js';
import {
  type CgroupSpec,
  plainTask,
  type RuePart,
  type Scenario,
  type Step,
  type TaskSpec,
} from '../scenario/scenario.js';
import { type RecordOf, Table } from './tables.js';

/** A thread of the kernel's own, as a task that is scheduled like its other housekeeping. */
export function kernelThread(scenario: Scenario, name: string, step: Step): TaskSpec {
  const thread: TaskSpec = { ...plainTask(name, [step]), role: 'housekeeping' };
  return scenario.housekeeping === undefined ? thread : { ...thread, sched: scenario.housekeeping };
}

/** Threads in the order of Thread in assembly/mm/rue/thread.ts, and the part that each belongs to. */
const THREADS = [
  { name: 'memcg_priod', part: 'reclaim', spec: 'controllerSpec' },
  { name: 'memcg_priod_reclaim', part: 'reclaim', spec: 'workerSpec' },
  { name: 'memcg_async', part: 'async', spec: 'asyncSpec' },
  { name: 'memcg_latency', part: 'latency', spec: 'latencySpec' },
] as const satisfies ReadonlyArray<{ name: string; part: RuePart; spec: keyof RecordOf<'RueTable'> }>;

export const RUE_THREADS: readonly string[] = THREADS.map(({ name }) => name);

/** The threads of the parts that are on. */
export function rueThreads(scenario: Scenario): TaskSpec[] {
  const { rue } = scenario;
  if (rue === undefined) return [];
  return THREADS.flatMap(({ name, part }, thread) =>
    rue.parts.includes(part) ? [kernelThread(scenario, name, { op: 'rue', thread })] : [],
  );
}

/** RUE's record: no parts where it is off. `tasks`: with the threads. */
export function rueRecord({ rue }: Scenario, tasks: readonly TaskSpec[]): RecordOf<'RueTable'> {
  const specOf = (thread: string) => tasks.findIndex(({ name }) => name === thread);
  return {
    parts: RUE_PARTS.reduce((bits, part, bit) => bits + (rue?.parts.includes(part) ? 2 ** bit : 0), 0),
    highestReclaim: rue?.highestReclaim ?? 8,
    reservePages: rue?.reservePages ?? 0,
    latencyTargetNs: rue?.latencyTargetNs ?? 0,
    latencyPriority: rue?.latencyPriority ?? 0,
    cacheRetries: rue?.cacheRetries ?? 0,
    controllerSpec: specOf(THREADS[0].name),
    workerSpec: specOf(THREADS[1].name),
    asyncSpec: specOf(THREADS[2].name),
    latencySpec: specOf(THREADS[3].name),
  };
}

/** A row for the root and each group, in their order; none where RUE is off. */
export function qosTable({ rue, cgroups }: Scenario, order: readonly string[]): Table<'QosTable'> {
  const table = new Table('QosTable');
  if (rue === undefined) return table;
  const add = (priority: number, { qos = NO_QOS }: Pick<CgroupSpec, 'qos'>) => {
    table.add({
      priority,
      wmarkRatio: qos.wmarkRatio,
      asyncRatio: qos.asyncRatio,
      asyncDistanceFactor: qos.asyncDistanceFactor,
      allocPagesPerS: qos.allocPagesPerS,
      cacheMaxRatio: qos.pagecacheMaxRatio,
      cacheReclaimRatio: qos.pagecacheReclaimRatio,
    });
  };
  add(0, {});
  for (const name of order) {
    const group = cgroups.find((candidate) => candidate.name === name);
    if (group !== undefined) add(priorityOf(group, cgroups), group);
  }
  return table;
}

/** Numbers of RUE, in the order of assembly/mm/rue/observe.ts. */
export const RUE_NUMBERS = ['level', 'ratio', 'goal', 'reclaimed'] as const;
/** Numbers of a group. */
export const QOS_NUMBERS = [
  'priority',
  'workerStolen',
  'paidPages',
  'asyncStolen',
  'cacheStolen',
  'mst_nr_throttled',
  'speedSleeps',
  'speedSleepNs',
  'leastFree',
  'asyncHigh',
  'asyncLow',
] as const;
