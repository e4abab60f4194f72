/**
 * Who took part in a recorded history: the scenario's tasks by their names, their children, and whatever else ran, by its priority.
 */
import type { Kernel, Machine, Scenario, SchedSettings, TaskSpec } from '../scenario/scenario.js';
import { recordedName } from './programs.js';
import type { Recording } from './recordings.js';
import { scenarioOf } from './scenario.js';
import type { RecordedTrace, TracedTask } from './trace.js';

/** Behind the end of every history: nothing starts by itself. */
const NEVER_NS = 2 ** 52;
/** First prio of the fair and of the BT class; nice 0 lies 20 further on. */
export const FAIR_PRIO = 100;
const BT_PRIO = 140;

/** Tasks of a history as a scenario, and the number of each by its pid. */
export interface Cast {
  scenario: Scenario;
  byPid: Map<number, number>;
  /** As the trace calls them. */
  names: string[];
  /** Tasks of the recorded scenario, and their children. */
  own: Set<number>;
}

/** Casts the tasks of a trace; null: the scenario cannot be simulated. */
export function castOf(recording: Recording, trace: RecordedTrace, machine: Machine, kernel: Kernel): Cast | null {
  const mapping = scenarioOf(recording, machine, kernel);
  if ('unsupported' in mapping) return null;
  const declared = new Map(mapping.scenario.tasks.map((task) => [recordedName(task.name), task]));
  const cast: Cast = {
    scenario: { ...mapping.scenario, bootNs: trace.bootNs, tasks: [] },
    byPid: new Map(),
    names: [],
    own: new Set(),
  };
  const parents = new Map<number, number>();
  const add = (task: TracedTask, cpu: number | null): void => {
    if (task.pid === 0 || cast.byPid.has(task.pid)) return;
    const index = cast.scenario.tasks.length;
    const parent = cast.scenario.tasks[cast.byPid.get(parents.get(task.pid) ?? -1) ?? -1];
    const spec = parent ?? declared.get(task.name);
    if (spec !== undefined && !task.name.startsWith('~')) cast.own.add(index);
    cast.byPid.set(task.pid, index);
    cast.names.push(task.name);
    cast.scenario.tasks.push(member(`${task.pid}`, spec, task.prio, cpu));
  };
  add(trace.controller, trace.controllerCpu);
  for (const event of trace.events) {
    if (event.event === 'fork') parents.set(event.child, event.pid);
    if (event.event === 'switch') for (const task of [event.prev, event.next]) add(task, event.cpu);
    // It slept where it is about to be woken from.
    if (event.event === 'waking' || event.event === 'wakeup') add(event.task, event.target);
  }
  return cast;
}

function member(name: string, like: TaskSpec | undefined, prio: number, cpu: number | null): TaskSpec {
  return {
    name,
    count: 1,
    role: null,
    sched: like?.sched ?? schedOfPrio(prio),
    cgroup: like?.cgroup ?? null,
    cpus: like?.cpus ?? null,
    pinEach: false,
    startNs: NEVER_NS,
    startCpu: cpu,
    startLagNs: like?.startLagNs ?? null,
    start: 'run',
    timerSlackNs: 0,
    sliceNs: like?.sliceNs ?? null,
    cookie: null,
    program: [{ op: 'suspend' }],
  };
}

/** The policy that a prio stands for; fair's policies do not show in it. */
export function schedOfPrio(prio: number): SchedSettings {
  if (prio < FAIR_PRIO) return { class: 'fifo', nice: 0, priority: Math.max(1, 99 - prio) };
  if (prio < BT_PRIO) return { class: 'fair', nice: prio - FAIR_PRIO - 20, priority: 0 };
  return { class: 'bt', nice: prio - BT_PRIO - 20, priority: 0 };
}
