/** What a schema cannot say: names that must exist, cycles, limits, and programs that could never go on. */
import { UserError } from '../errors.js';
import { channelsSentTo, checkGuests } from './guests.js';
import { checkReservations, mayBeDeadline } from './reservations.js';
import {
  type CgroupSpec,
  type Duration,
  type Guest,
  type Machine,
  type Scenario,
  type Step,
  stepsOf,
  type TaskSpec,
} from './scenario.js';

/** Limits of the simulated kernel. */
export const MAX_TASKS = 1_048_576;
const MAX_CPUS = 16_384;
/** Declarations: each has histograms of its own. */
const MAX_DECLARATIONS = 8192;
/** Microsecond bins of all recorders: 4 bytes each. */
const MAX_BINS = 2 ** 26;
/** Nested loops with a count: their counters are laid out per task. */
const MAX_LOOP_DEPTH = 8;

type Cpusets = ReadonlyMap<string, number[] | null>;

/** Throws a UserError for the first thing that is wrong. `cpusets`: cpuset of each cgroup, null: none; and those of each guest. */
export function checkScenario(
  scenario: Scenario,
  cpusets: Cpusets,
  guestCpusets: readonly Cpusets[],
  file: string,
): void {
  const fail = (place: string, expectation: string): never => {
    throw new UserError(file, place, expectation);
  };
  const { machine, tasks, guests } = scenario;
  checkCores(machine, fail);
  checkGuests(scenario, fail);
  const instances = (own: readonly TaskSpec[]) => own.reduce((sum, { count }) => sum + count, 0);
  const total = guests.reduce((sum, guest) => sum + guest.count * instances(guest.tasks), instances(tasks));
  if (total > MAX_TASKS) fail('tasks', `expected at most ${MAX_TASKS} tasks in all, found ${total}`);
  const declarations = guests.reduce((sum, guest) => sum + guest.count * guest.tasks.length, tasks.length);
  if (declarations > MAX_DECLARATIONS) {
    fail('tasks', `expected at most ${MAX_DECLARATIONS} declarations (use count), found ${declarations}`);
  }
  const cpus = guests.reduce((sum, guest) => sum + guest.count * guest.machine.cpus, machine.cpus);
  if (cpus > MAX_CPUS) fail('guests', `expected at most ${MAX_CPUS} CPUs in all, found ${cpus}`);
  const { own, ofGuests } = channelsSentTo(scenario);
  checkSystem(scenario, cpusets, own, fail);
  guests.forEach((guest, i) => {
    const sent = ofGuests[i] ?? new Set();
    checkSystem(guest, guestCpusets[i] ?? new Map(), sent, (place, expectation) =>
      fail(`guests[${i}].${place}`, expectation),
    );
  });
}

/** What runs on one kernel. `sent`: the channels that somebody sends to. */
function checkSystem(system: Scenario | Guest, cpusets: Cpusets, sent: ReadonlySet<string>, fail: Fail): void {
  const { machine, kernel, cgroups, tasks } = system;
  checkCgroups(cgroups, fail);
  const lastCpu = machine.cpus - 1;
  const checkCpus = (cpus: readonly number[], place: string): void => {
    const missing = cpus.find((cpu) => cpu > lastCpu);
    if (missing !== undefined) fail(place, `CPU ${missing} does not exist: expected 0 to ${lastCpu} (${machine.name})`);
  };
  cgroups.forEach(({ name }, i) => {
    checkCpus(cpusets.get(name) ?? [], `cgroups[${i}].cpus`);
  });
  if (Array.isArray(kernel.bt.percent) && kernel.bt.percent.length !== machine.cpus) {
    fail('bt.percent', `expected one value or ${machine.cpus}, found ${kernel.bt.percent.length}`);
  }
  tasks.forEach((task, i) => {
    const place = placeOf(system, i);
    if (tasks.findIndex(({ name }) => name === task.name) !== i)
      fail(`${place}.name`, `a second task named "${task.name}"`);
    if (task.cgroup !== null && !cgroups.some(({ name }) => name === task.cgroup)) {
      fail(`${place}.cgroup`, `unknown cgroup "${task.cgroup}"`);
    }
    checkCpus(task.cpus ?? [], `${place}.cpus`);
    checkConfinement(task, cgroups, cpusets, machine.cpus, place, fail);
  });
  checkPrograms(tasks, sent, fail);
  checkFibers(tasks, fail);
  checkReservations(system, fail);
}

/** Where a task stands in its file; a guest's vCPU threads are not in the list of tasks. */
function placeOf(system: Scenario | Guest, i: number): string {
  const step = system.tasks[i]?.program[0];
  if (step?.op !== 'vcpu' || !('guests' in system)) return `tasks[${i}]`;
  return `guests[${system.guests.findIndex(({ name }) => name === step.guest)}].vcpu`;
}

/** Throws, naming a place and what was expected there. */
export type Fail = (place: string, expectation: string) => never;

function checkCores(machine: Machine, fail: Fail): void {
  const { threadsPerCore } = machine;
  for (const field of ['cpus', 'cpusPerLlc'] as const) {
    if (machine[field] % threadsPerCore === 0) continue;
    fail(`machine.${field}`, `expected a multiple of threadsPerCore (${threadsPerCore}), found ${machine[field]}`);
  }
}

function checkCgroups(cgroups: readonly CgroupSpec[], fail: Fail): void {
  for (const [i, group] of cgroups.entries()) {
    const place = `cgroups[${i}]`;
    if (cgroups.findIndex(({ name }) => name === group.name) !== i)
      fail(`${place}.name`, `a second cgroup named "${group.name}"`);
    const path = [group.name];
    let parent = group.parent;
    while (parent !== null) {
      const next = cgroups.find(({ name }) => name === parent);
      path.push(parent);
      if (parent === group.name) fail(`${place}.parent`, `a cycle of cgroups: ${path.join(' → ')}`);
      if (next === undefined) fail(`${place}.parent`, `unknown cgroup "${parent}"`);
      parent = path.length > cgroups.length ? null : (next?.parent ?? null);
    }
    checkQuota(group, place, fail);
  }
}

/** Limits of cpu.max (kernel/sched/core.c tg_set_cfs_bandwidth). */
function checkQuota({ quota }: CgroupSpec, place: string, fail: Fail): void {
  if (quota === null) return;
  const { quotaNs, periodNs, burstNs } = quota;
  if (quotaNs < 1e6) fail(`${place}.quota`, 'expected at least 1ms');
  if (periodNs < 1e6 || periodNs > 1e9) fail(`${place}.period`, 'expected 1ms to 1s');
  if (burstNs > quotaNs) fail(`${place}.burst`, 'expected at most the quota');
}

function checkConfinement(
  task: TaskSpec,
  cgroups: readonly CgroupSpec[],
  cpusets: Cpusets,
  machineCpus: number,
  place: string,
  fail: Fail,
): void {
  let allowed = task.cpus ?? Array.from({ length: machineCpus }, (_, cpu) => cpu);
  let group = cgroups.find(({ name }) => name === task.cgroup);
  while (group !== undefined) {
    const cpuset = cpusets.get(group.name) ?? null;
    if (cpuset !== null) allowed = allowed.filter((cpu) => cpuset.includes(cpu));
    const { parent } = group;
    group = cgroups.find(({ name }) => name === parent);
  }
  if (allowed.length === 0) fail(`${place}.cpus`, `expected a CPU that its cgroup may use, too; none is left`);
  // sched_setattr: an affinity smaller than the root domain is no affinity for SCHED_DEADLINE.
  if (mayBeDeadline(task) && (allowed.length < machineCpus || (task.pinEach && machineCpus > 1))) {
    fail(`${place}.cpus`, `expected all ${machineCpus} CPUs for class deadline`);
  }
}

/** Names that programs use must have someone at the other end, and every endless loop must take time. */
function checkPrograms(tasks: readonly TaskSpec[], sent: ReadonlySet<string>, fail: Fail): void {
  const used = { signal: new Set<string>(), lock: new Set<string>() };
  for (const task of tasks) {
    visit(task.program, (step) => {
      if (step.op === 'signal') used.signal.add(step.condition);
      if (step.op === 'lock') used.lock.add(step.mutex);
    });
  }
  tasks.forEach((task, i) => {
    const place = `tasks[${i}].program`;
    visit(task.program, (step, depth) => {
      if (step.op === 'wait' && !used.signal.has(step.condition))
        fail(place, `condition "${step.condition}" is never signalled`);
      if (step.op === 'receive' && !sent.has(step.channel)) fail(place, `channel "${step.channel}" is never sent to`);
      if (step.op === 'record' && step.binsUs * task.count > MAX_BINS) {
        fail(place, `expected binsUs × count of at most ${MAX_BINS}, found ${step.binsUs * task.count}`);
      }
      if (step.op === 'unlock' && !used.lock.has(step.mutex)) fail(place, `mutex "${step.mutex}" is never locked`);
      if (step.op === 'resume' || step.op === 'fork') {
        const other = tasks.find(({ name }) => name === step.task);
        if (other === undefined) return fail(place, `${step.op} of an unknown task "${step.task}"`);
        if (step.op === 'fork' && other.start !== 'fork') {
          fail(place, `fork of task "${step.task}", which has no start: fork`);
        }
        if (step.op === 'fork' && (mayBeDeadline(task) || mayBeDeadline(other))) {
          fail(place, `fork of task "${step.task}": expected neither parent nor child of class deadline`);
        }
      }
      if (step.op === 'loop') {
        if (depth >= MAX_LOOP_DEPTH) fail(place, `expected loops at most ${MAX_LOOP_DEPTH} deep`);
        if (step.times === null && !step.body.some(takesTime)) {
          fail(place, `task "${task.name}" never sleeps in zero time: its endless loop has no step that takes time`);
        }
      }
    });
  });
}

/** Calls `on` for every step of a program, those inside of loops after their loop. */
export function visit(program: readonly Step[], on: (step: Step, depth: number) => void, depth = 0): void {
  for (const step of program) {
    on(step, depth);
    if (step.op === 'loop') visit(step.body, on, depth + 1);
  }
}

/** Steps that only the kernel's own tasks can do. */
const NOT_IN_FIBERS: ReadonlyArray<Step['op']> = ['serve', 'fork', 'exec', 'yield', 'policy'];

/** Fibers must have threads that serve them, and threads fibers to serve. */
function checkFibers(tasks: readonly TaskSpec[], fail: Fail): void {
  const serves = (task: TaskSpec) => [...stepsOf(task.program)].some(({ op }) => op === 'serve');
  tasks.forEach((task, i) => {
    const { name, runsOn } = task;
    if (serves(task) && runsOn === undefined && !tasks.some((other) => other.runsOn === name)) {
      fail(`tasks[${i}].program`, `serve: no task has runsOn: ${name}`);
    }
    if (runsOn === undefined) return;
    const threads = tasks.find((other) => other.name === runsOn);
    if (threads === undefined || threads.runsOn !== undefined || !serves(threads)) {
      fail(`tasks[${i}].runsOn`, `expected a task whose program has a serve step, found "${runsOn}"`);
    }
    if (task.start === 'fork') fail(`tasks[${i}].start`, 'expected a time for a task that runs on another');
    const wrong = [...stepsOf(task.program)].find(({ op }) => NOT_IN_FIBERS.includes(op));
    if (wrong !== undefined) fail(`tasks[${i}].program`, `expected no ${wrong.op} in a task that runs on another`);
  });
}

/** Whether a step can let time go on, or wait for somebody who does. */
function takesTime(step: Step): boolean {
  switch (step.op) {
    case 'run':
    case 'busy':
    case 'sleep':
      return longest(step.duration) > 0;
    case 'arrive':
      return longest(step.gap) > 0;
    case 'serve':
    case 'timer':
    case 'wait':
    case 'receive':
    case 'barrier':
    case 'suspend':
    case 'exit':
    case 'vcpu':
    case 'memory':
    case 'alloc':
    case 'kswapd':
    case 'flusher':
    case 'kcompactd':
    case 'vmpressure':
    case 'rue':
      return true;
    case 'loop':
      return step.body.some(takesTime);
    default:
      return false;
  }
}

function longest(duration: Duration): number {
  switch (duration.kind) {
    case 'fixed':
      return duration.ns;
    case 'uniform':
    case 'pareto':
      return duration.maxNs;
    case 'exponential':
      return duration.meanNs;
    case 'lognormal':
      return duration.medianNs;
    case 'empirical':
      return Math.max(...duration.valuesNs);
  }
}
