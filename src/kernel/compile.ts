/**
 * Compiles a resolved scenario to the simulated kernel's input buffer: ids instead of names, one flat run of f64 (assembly/tables.ts).
 */
import { type Scenario, type SchedClassName, settingsOf, stepsOf, type TaskSpec } from '../scenario/scenario.js';
import { btRuntimes, groupTable, kernelTable, machineTable, nameHash, noiseTable } from './machine_tables.js';
import { MemoryTables, memoryRecord, usesMemory } from './memory.js';
import {
  asksForIdentity,
  barriersOf,
  channelSizes,
  compileProgram,
  Distributions,
  Names,
  type ProgramContext,
  readyFibers,
  reservationNumbers,
  schedNumbers,
} from './program.js';
import { qosTable, rueRecord } from './rue.js';
import { firstCpus, type System, systemsOf, WaitQueues } from './systems.js';
import { instruction, OP, single, Table } from './tables.js';

/** init_task.timer_slack_ns; assembly/sched/setscheduler.ts says the same. */
const DEFAULT_SLACK_NS = 50_000;

/** Which part of a simulation the trace ring keeps. */
export interface TraceWindow {
  fromNs: number;
  toNs: number;
  /** Latencies below this are left out, if it is given: there is one for each page that a task touches. */
  leastNs?: number;
  /** Entries; the last ones win. */
  capacity: number;
}

/** A scenario as the kernel reads it, and what its numbers mean. */
export interface CompiledScenario {
  buffer: Float64Array;
  /** [declaration, name, binsUs] of each recorder. */
  recorders: Array<{ spec: number; name: string; binsUs: number }>;
  /** Names of the host's groups in the order of their numbers. */
  groups: string[];
}

/** What all kernels of a simulation share. */
class Shared {
  readonly instructions = new Table('InstructionTable');
  readonly distributions = new Distributions();
  readonly waitQueues: WaitQueues;
  readonly sharedTimers = new Names();
  readonly specs = new Table('SpecTable');
  readonly recorders: CompiledScenario['recorders'] = [];
  readonly memory: MemoryTables;

  /** Messages have an identity where anything asks for it; elsewhere a channel counts them. */
  readonly identity: boolean;

  constructor({ guests, memory }: Scenario, systems: readonly System[]) {
    this.memory = new MemoryTables(memory);
    this.waitQueues = new WaitQueues(guests);
    this.identity = systems.some(({ tasks }) =>
      tasks.some(({ program }) => [...stepsOf(program)].some(asksForIdentity)),
    );
  }

  recorder(spec: number, name: string, binsUs: number): number {
    const known = this.recorders.findIndex((recorder) => recorder.spec === spec && recorder.name === name);
    return known >= 0 ? known : this.recorders.push({ spec, name, binsUs }) - 1;
  }
}

/** Compiles for set-up. */
export function compile(scenario: Scenario, trace: TraceWindow | null): CompiledScenario {
  const systems = systemsOf(scenario);
  const shared = new Shared(scenario, systems);
  const first = firstCpus(systems);
  const firstVcpu = (guest: string): number => first[systems.findIndex((system) => system.guest === guest)] ?? -1;
  const kernels = systems.flatMap((system) => compileSystem(system, shared, firstVcpu));
  const recorderTable = new Table('RecorderTable');
  for (const { spec, binsUs } of shared.recorders) recorderTable.add({ spec, binsUs });
  const { distributions, waitQueues, instructions, specs, memory } = shared;
  const exitPc = instructions.add(instruction(OP.UNMAP));
  instructions.add(instruction(OP.EXIT));
  const specOf = (name: string): number => systems[0]?.tasks.findIndex((task) => task.name === name) ?? -1;
  const { devices, files } = memory.devices(specOf);
  const groups = groupTable(scenario.cgroups).order;
  const qos = qosTable(scenario, groups);
  const header = single('Header', {
    kernels: systems.length,
    cpus: systems.reduce((sum, { machine }) => sum + machine.cpus, 0),
    distributions: distributions.table.count,
    values: distributions.values.length,
    waitQueues: waitQueues.count,
    sharedTimers: shared.sharedTimers.count,
    instructions: instructions.count,
    specs: specs.count,
    recorders: recorderTable.count,
    tasks: systems.flatMap(({ tasks }) => tasks).reduce((sum, { count }) => sum + count, 0),
    traceCapacity: trace?.capacity ?? 0,
    traceFromNs: trace?.fromNs ?? 0,
    traceToNs: trace?.toNs ?? 0,
    traceLeastNs: trace?.leastNs ?? 0,
    memory: scenario.memory === undefined ? 0 : 1,
    devices: devices.count,
    files: files.count,
    areas: memory.areas.count,
    views: memory.views.count,
    exitPc,
    qos: qos.count,
  });
  const parts = [
    header,
    distributions.table.values,
    distributions.values,
    waitQueues.table.values,
    instructions.values,
    specs.values,
    recorderTable.values,
    single('MemoryTable', memoryRecord(scenario, specOf)),
    devices.values,
    files.values,
    memory.areas.values,
    memory.views.values,
    single('RueTable', rueRecord(scenario, systems[0]?.tasks ?? [])),
    qos.values,
    kernels,
  ];
  return { buffer: Float64Array.from(parts.flat()), recorders: shared.recorders, groups };
}

/** A kernel's part of the buffer; its tasks and their programs join those of the others. */
function compileSystem(system: System, shared: Shared, firstVcpu: (guest: string) => number): number[] {
  const { prefix, machine, kernel, tasks } = system;
  const noise = noiseTable(machine, shared.distributions);
  const groups = groupTable(system.cgroups);
  const groupIndex = new Map(groups.order.map((name, index) => [name, index]));
  const masks = new Masks(machine.cpus);
  const cookies = new Names();
  const { waitQueues, sharedTimers } = shared;
  const firstSpec = shared.specs.count;
  const common: Omit<ProgramContext, 'view' | 'noView' | 'unmaps'> = {
    instructions: shared.instructions,
    distributions: shared.distributions,
    waitQueues: { of: (name, size) => waitQueues.of(`${prefix}${name}`, size) },
    channels: channelSizes(tasks),
    guestChannels: (name) => (prefix === '' ? waitQueues.ofGuests(name) : null),
    sharedTimers: { of: (name) => sharedTimers.of(`${prefix}${name}`) },
    specIndex: (task) => firstSpec + tasks.findIndex((spec) => spec.name === task),
    recorder: (spec, name, binsUs) => shared.recorder(spec, name, binsUs),
  };
  for (const task of tasks) {
    const [first] = task.program;
    const areas = shared.memory.task(task);
    const context: ProgramContext = {
      ...common,
      view: (step) => shared.memory.view(step, task),
      noView: () => shared.memory.noView(),
      unmaps: usesMemory(task),
    };
    const program = compileProgram(task.program, shared.specs.count, task.name, context);
    for (const barrier of barriersOf(task.program)) waitQueues.join(`${prefix}barrier:${barrier}`, task.count);
    shared.specs.add({
      count: task.count,
      nameHash: nameHash(`${prefix}${task.name}`),
      ...schedNumbers(task.sched),
      ...reservationNumbers(task.sched),
      mayBeDeadline: settingsOf(task).some((settings) => settings.class === 'deadline') ? 1 : 0,
      group: task.cgroup === null ? -1 : (groupIndex.get(task.cgroup) ?? -1),
      mask: task.cpus === null ? -1 : masks.of(task.cpus),
      pinEach: task.pinEach ? 1 : 0,
      startNs: task.startNs,
      startCpu: task.startCpu ?? -1,
      startLagNs: task.startLagNs ?? Number.NaN,
      pool: task.start === 'fork' ? 1 : 0,
      timerSlackNs: task.timerSlackNs ?? -1,
      sliceNs: task.sliceNs ?? 0,
      cookie: task.cookie === null ? 0 : cookies.of(task.cookie) + 1,
      program: program.begin,
      timers: program.timers,
      loops: program.loops,
      firstVcpu: first?.op === 'vcpu' ? firstVcpu(first.guest) : -1,
      threads: task.runsOn === undefined ? 0 : readyFibers(task.runsOn, common.waitQueues) + 1,
      carries: shared.identity ? 1 : 0,
      ...areas,
      ...shared.memory.viewsOf(),
    });
  }
  const table = single('SystemTable', {
    nameHash: prefix === '' ? 0 : nameHash(prefix),
    cpus: machine.cpus,
    cpusPerLlc: machine.cpusPerLlc,
    threadsPerCore: machine.threadsPerCore,
    idleStates: machine.idleStates.length,
    noiseSources: machine.noise.length,
    groups: groups.table.count,
    masks: masks.count,
    specs: tasks.length,
    maxSlackNs: Math.max(0, ...tasks.map(largestSlack)),
    bootNs: system.bootNs,
    rtPhaseNs: system.rtPhaseNs ?? -1,
    psi: system.psi ? 1 : 0,
    groupsMadeNs: system.cgroupsMadeNs ?? 0,
  });
  const parts = [
    table,
    machineTable(machine, system.guest !== null),
    kernelTable(system),
    machine.idleStates.flatMap((state) => single('IdleStateTable', state)),
    noise.values,
    btRuntimes(kernel, machine.cpus),
    groups.table.values,
    masks.words,
  ];
  return parts.flat();
}

/** Classes without timer slack. */
const EXACT: readonly SchedClassName[] = ['deadline', 'fifo', 'rr', 'vmf'];

function largestSlack(task: TaskSpec): number {
  const exact = settingsOf(task).every((settings) => EXACT.includes(settings.class));
  return task.timerSlackNs ?? (exact ? 0 : DEFAULT_SLACK_NS);
}

/** Affinity masks, each different one once, as 32-bit words; whole 64-bit words each. */
class Masks {
  readonly words: number[] = [];
  readonly #known = new Map<string, number>();

  constructor(readonly cpus: number) {}

  get count(): number {
    return this.#known.size;
  }

  of(cpus: number[]): number {
    const key = cpus.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.#known.size;
    this.#known.set(key, index);
    const words = new Array<number>(Math.ceil(this.cpus / 64) * 2).fill(0);
    for (const cpu of cpus) words[cpu >>> 5] = ((words[cpu >>> 5] ?? 0) | (1 << (cpu & 31))) >>> 0;
    for (const word of words) this.words.push(word);
    return index;
  }
}
