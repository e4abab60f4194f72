/**
 * Compiles a resolved scenario to the simulated kernel's input buffer: ids instead of names, one flat run of f64 (assembly/tables.ts).
 */
import {
  type Kernel,
  type Machine,
  type MemoryStep,
  type Scenario,
  type SchedClassName,
  settingsOf,
  stepsOf,
  type TaskSpec,
} from '../scenario/scenario.js';
import { groupMemory, KSWAPD, MemoryTables, memoryRecord, withKswapd } from './memory.js';
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
import { instruction, OP, RECORDS, type RecordName, type RecordOf, Table } from './tables.js';

/** init_task.timer_slack_ns; assembly/sched/setscheduler.ts says the same. */
const DEFAULT_SLACK_NS = 50_000;

/** Speeds cross in 1024ths; assembly/machine/machine.ts says the same. */
const FULL_SPEED = 1024;

/** Which part of a simulation the trace ring keeps. */
export interface TraceWindow {
  fromNs: number;
  toNs: number;
  /** Entries; the last ones win. */
  capacity: number;
}

/** A scenario as the kernel reads it, and what its numbers mean. */
export interface CompiledScenario {
  buffer: Float64Array;
  /** [declaration, name, binsUs] of each recorder. */
  recorders: Array<{ spec: number; name: string; binsUs: number }>;
  /** Names of the groups in the order of their numbers. */
  groups: string[];
}

/** Compiles for set-up. */
export function compile(scenario: Scenario, trace: TraceWindow | null): CompiledScenario {
  const { machine, kernel } = scenario;
  const tasks = withKswapd(scenario);
  const memory = new MemoryTables(scenario.memory);
  const distributions = new Distributions();
  const noise = noiseTable(machine, distributions);
  const groups = groupTable(scenario);
  const groupIndex = new Map(groups.order.map((name, index) => [name, index]));
  const recorders: CompiledScenario['recorders'] = [];
  const shared: Omit<ProgramContext, 'view' | 'unmaps'> = {
    instructions: new Table('InstructionTable'),
    distributions,
    waitQueues: new Names(),
    channels: channelSizes(tasks),
    sharedTimers: new Names(),
    specIndex: (task) => tasks.findIndex((spec) => spec.name === task),
    recorder: (spec, name, binsUs) => {
      const known = recorders.findIndex((recorder) => recorder.spec === spec && recorder.name === name);
      return known >= 0 ? known : recorders.push({ spec, name, binsUs }) - 1;
    },
  };

  const masks = new Masks(machine.cpus);
  const cookies = new Names();
  const specs = new Table('SpecTable');
  // Messages have an identity where anything asks for it; elsewhere a channel counts them.
  const identity = tasks.some((task) => [...stepsOf(task.program)].some(asksForIdentity));
  tasks.forEach((task, index) => {
    const areas = memory.task(task);
    const unmaps = task.memory !== undefined;
    const context = { ...shared, view: (step: MemoryStep) => memory.view(step, task), unmaps };
    const program = compileProgram(task.program, index, task.name, context);
    specs.add({
      count: task.count,
      nameHash: nameHash(task.name),
      ...schedNumbers(task.sched),
      ...reservationNumbers(task.sched),
      mayBeDeadline: settingsOf(task).some((settings) => settings.class === 'deadline') ? 1 : 0,
      group: task.cgroup === null ? -1 : (groupIndex.get(task.cgroup) ?? -1),
      mask: task.cpus === null ? -1 : masks.of(task.cpus),
      pinEach: task.pinEach ? 1 : 0,
      startNs: task.startNs,
      startCpu: task.startCpu ?? -1,
      startLagNs: task.startLagNs ?? -1,
      pool: task.start === 'fork' ? 1 : 0,
      timerSlackNs: task.timerSlackNs ?? -1,
      sliceNs: task.sliceNs ?? 0,
      cookie: task.cookie === null ? 0 : cookies.of(task.cookie) + 1,
      program: program.begin,
      timers: program.timers,
      loops: program.loops,
      threads: task.runsOn === undefined ? 0 : readyFibers(task.runsOn, shared.waitQueues) + 1,
      carries: identity ? 1 : 0,
      ...areas,
      ...memory.viewsOf(),
    });
  });

  const exitPc = shared.instructions.add(instruction(OP.UNMAP));
  shared.instructions.add(instruction(OP.EXIT));
  const waitQueues = waitQueueSizes(tasks, shared.waitQueues);
  const recorderTable = new Table('RecorderTable');
  for (const { spec, binsUs } of recorders) recorderTable.add({ spec, binsUs });

  const { devices, files } = memory.devices();
  const qos = qosTable(scenario, groups.order);
  const header = single('Header', {
    cpus: machine.cpus,
    cpusPerLlc: machine.cpusPerLlc,
    threadsPerCore: machine.threadsPerCore,
    idleStates: machine.idleStates.length,
    noiseSources: machine.noise.length,
    groups: groups.table.count,
    masks: masks.count,
    distributions: distributions.table.count,
    values: distributions.values.length,
    waitQueues: waitQueues.length,
    sharedTimers: shared.sharedTimers.count,
    instructions: shared.instructions.count,
    specs: specs.count,
    recorders: recorderTable.count,
    tasks: tasks.reduce((sum, task) => sum + task.count, 0),
    bootNs: scenario.bootNs,
    rtPhaseNs: scenario.rtPhaseNs ?? -1,
    maxSlackNs: Math.max(0, ...tasks.map(largestSlack)),
    traceCapacity: trace?.capacity ?? 0,
    traceFromNs: trace?.fromNs ?? 0,
    traceToNs: trace?.toNs ?? 0,
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
    machineTable(machine),
    kernelTable(scenario),
    machine.idleStates.flatMap((state) => single('IdleStateTable', state)),
    noise.values,
    btRuntimes(kernel, machine.cpus),
    groups.table.values,
    masks.words,
    distributions.table.values,
    distributions.values,
    waitQueues,
    shared.instructions.values,
    specs.values,
    recorderTable.values,
    single(
      'MemoryTable',
      memoryRecord(
        scenario,
        Math.max(
          0,
          tasks.findIndex(({ name }) => name === KSWAPD),
        ),
      ),
    ),
    devices.values,
    files.values,
    memory.areas.values,
    memory.views.values,
    single('RueTable', rueRecord(scenario, tasks)),
    qos.values,
  ];
  return { buffer: Float64Array.from(parts.flat()), recorders, groups: groups.order };
}

/** Classes without timer slack. */
const EXACT: readonly SchedClassName[] = ['deadline', 'fifo', 'rr', 'vmf'];

function largestSlack(task: TaskSpec): number {
  const exact = settingsOf(task).every((settings) => EXACT.includes(settings.class));
  return task.timerSlackNs ?? (exact ? 0 : DEFAULT_SLACK_NS);
}

function single<Name extends RecordName>(name: Name, record: RecordOf<Name>): number[] {
  return (RECORDS[name] as readonly (keyof RecordOf<Name>)[]).map((field) => record[field]);
}

/** 53 bits of a name, so that an entity's random stream depends on nothing but its name and the seed (two rounds of FNV-1a). */
function nameHash(name: string): number {
  const round = (seed: number): number => {
    let hash = seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
    return hash;
  };
  return (round(0x811c9dc5) & 0x1fffff) * 2 ** 32 + round(0x050c5d1f);
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

function machineTable(machine: Machine): number[] {
  const { syscallNs, ...costs } = machine.costs;
  const syscallEntryNs = Math.floor(syscallNs / 2);
  const smtSpeed = machine.threadsPerCore > 1 ? machine.smtSpeed : 1;
  return single('MachineTable', {
    ...costs,
    tickSkewNs: machine.tickSkewNs,
    syscallEntryNs,
    syscallExitNs: syscallNs - syscallEntryNs,
    smtSpeed: Math.round(smtSpeed * FULL_SPEED),
  });
}

function kernelTable({ kernel, machine: { cpus, threadsPerCore }, tasks }: Scenario): number[] {
  // sched_tunable_scaling: get_update_sysctl_factor.
  const factor = kernel.tunableScaling === 'log' ? 1 + Math.floor(Math.log2(Math.min(cpus, 8))) : 1;
  const has = (feature: string): number => (kernel.features.includes(feature) ? 1 : 0);
  const tickPeriodNs = 1e9 / kernel.hz;
  return single('KernelTable', {
    tickPeriodNs,
    fullPreemption: kernel.preemption === 'full' || kernel.preemption === 'lazy' ? 1 : 0,
    lazyPreemption: kernel.preemption === 'lazy' ? 1 : 0,
    latencyNs: kernel.latencyNs * factor,
    minGranularityNs: kernel.minGranularityNs * factor,
    wakeupGranularityNs: kernel.wakeupGranularityNs * factor,
    idleMinGranularityNs: kernel.idleMinGranularityNs,
    migrationCostNs: kernel.migrationCostNs,
    nrLatency: Math.ceil(kernel.latencyNs / kernel.minGranularityNs),
    gentleFairSleepers: has('GENTLE_FAIR_SLEEPERS'),
    startDebit: has('START_DEBIT'),
    lastBuddy: has('LAST_BUDDY'),
    wakeupPreemption: has('WAKEUP_PREEMPTION'),
    altPeriod: has('ALT_PERIOD'),
    baseSlice: has('BASE_SLICE'),
    idlePlacement: kernel.fair === 'cfs-6.1' ? 1 : 0,
    eevdf: kernel.fair.startsWith('eevdf') ? 1 : 0,
    vprot: kernel.fair === 'eevdf-6.18' ? 1 : 0,
    reweightPlaces: kernel.fair === 'eevdf-6.18' ? 1 : 0,
    currWinsTies: kernel.fair === 'eevdf-6.6' ? 1 : 0,
    yieldForfeits: 1,
    baseSliceNs: kernel.baseSliceNs * factor,
    unscaledSliceNs: kernel.baseSliceNs,
    placeLag: has('PLACE_LAG'),
    placeDeadlineInitial: kernel.fair === 'eevdf-6.6' ? 0 : has('PLACE_DEADLINE_INITIAL'),
    placeRelDeadline: has('PLACE_REL_DEADLINE'),
    runToParity: has('RUN_TO_PARITY'),
    preemptShort: has('PREEMPT_SHORT'),
    delayDequeue: has('DELAY_DEQUEUE'),
    delayZero: has('DELAY_ZERO'),
    pickBuddy: has('PICK_BUDDY'),
    bandwidthSliceNs: kernel.bandwidthSliceNs,
    loadHistory: kernel.fair === 'cfs-4.14' ? 1 : 0,
    weightOnly: kernel.fair === 'cfs-4.14' ? 1 : 0,
    runtimeExpires: kernel.fair === 'cfs-4.14' ? 1 : 0,
    throttlesTasks: kernel.fair === 'eevdf-6.18' ? 1 : 0,
    utilEst: has('UTIL_EST'),
    utilEstEarly: kernel.fair === 'eevdf-6.12' || kernel.fair === 'eevdf-6.18' ? 1 : 0,
    niRandom: has('NI_RANDOM'),
    sisUtil: has('SIS_UTIL'),
    sisProp: has('SIS_PROP'),
    // sd_init: before 5.10 a busy CPU balanced half as often.
    busyFactor: kernel.fair === 'cfs-4.14' ? 32 : 16,
    // sched_core_get: it is on as long as there are cookies.
    coreSched: kernel.coreSched && threadsPerCore > 1 && tasks.some(({ cookie }) => cookie !== null) ? 1 : 0,
    rtPeriodNs: kernel.rtPeriodNs,
    rtRuntimeNs: kernel.rtRuntimeNs,
    fairServerRuntimeNs: kernel.fairServer?.runtimeNs ?? 0,
    fairServerPeriodNs: kernel.fairServer?.periodNs ?? 0,
    rrTicks: Math.max(1, Math.round(kernel.rrTimesliceNs / tickPeriodNs)),
    btPeriodNs: kernel.bt.periodNs,
    btLoadFair: kernel.bt.loadFair ? 1 : 0,
    htIsolate: kernel.bt.htIsolate && threadsPerCore > 1 ? 1 : 0,
    btMaxThrottleNs: kernel.bt.maxThrottleTimeNs,
    vmfActiveBalance: kernel.vmf.activeBalance ? 1 : 0,
    vmfWakeupPreemption: kernel.vmf.wakeupPreemption ? 1 : 0,
    vmfStarvationBoundNs: kernel.vmf.starvationBoundNs,
    vmfStarvationGrantNs: kernel.vmf.starvationGrantNs,
  });
}

/** Each CPU's BT budget a period: what /proc/offline/cpuN leaves of sched_bt_runtime_us. */
function btRuntimes(kernel: Kernel, cpus: number): number[] {
  const { periodNs, runtimeNs, percent } = kernel.bt;
  return Array.from({ length: cpus }, (_, cpu) => {
    const share = Array.isArray(percent) ? (percent[cpu] ?? 100) : percent;
    const budgetNs = Math.floor((periodNs * share) / 100);
    return runtimeNs < 0 ? budgetNs : Math.min(budgetNs, runtimeNs);
  });
}

function noiseTable(machine: Machine, distributions: Distributions): Table<'NoiseTable'> {
  const table = new Table('NoiseTable');
  for (const source of machine.noise) {
    table.add({
      interval: distributions.add(source.interval),
      length: distributions.add(source.length),
      preemptOff: source.kind === 'preemptoff' ? 1 : 0,
      // A task of the same name must not share its luck.
      nameHash: nameHash(`noise:${source.name}`),
    });
  }
  return table;
}

/** What cpu.weight is in load units: 100 is the weight of nice 0 (sched_weight_from_cgroup). */
export function sharesOf(weight: number): number {
  return Math.round((weight * 1024) / 100) * 1024;
}

/** Groups with parents before children. */
function groupTable(scenario: Scenario): { table: Table<'GroupTable'>; order: string[] } {
  const table = new Table('GroupTable');
  const order: string[] = [];
  const groups = new Map(scenario.cgroups.map((group) => [group.name, group]));
  const add = (name: string): number => {
    const known = order.indexOf(name);
    const group = groups.get(name);
    if (known >= 0 || group === undefined) return known;
    const parent = group.parent === null ? -1 : add(group.parent);
    order.push(name);
    // sched_group_set_idle: cpu.idle gives the group the weight of SCHED_IDLE.
    const { quotaNs, periodNs, burstNs, phaseNs } = group.quota ?? {
      quotaNs: -1,
      periodNs: 0,
      burstNs: 0,
      phaseNs: null,
    };
    return table.add({
      parent,
      shares: group.idle ? 3 * 1024 : sharesOf(group.weight),
      idle: group.idle ? 1 : 0,
      quotaNs,
      phaseNs: phaseNs ?? -1,
      periodNs,
      burstNs,
      btShares: group.btShares * 1024,
      ...groupMemory(group),
    });
  };
  for (const group of scenario.cgroups) add(group.name);
  return { table, order };
}

/** WaitQueueTable[]: barriers wait for as many tasks as use them. */
function waitQueueSizes(tasks: TaskSpec[], names: Names): number[] {
  const sizes = new Array<number>(names.count).fill(0);
  for (const task of tasks) {
    for (const barrier of barriersOf(task.program)) {
      const number = names.of(`barrier:${barrier}`);
      sizes[number] = (sizes[number] ?? 0) + task.count;
    }
  }
  return sizes;
}
