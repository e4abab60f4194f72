/** The records of a kernel and its machine in the simulated kernel's input buffer: costs, tunables, noise, groups. */
import type { CgroupSpec, Kernel, Machine } from '../scenario/scenario.js';
import { groupMemory } from './memory.js';
import type { Distributions } from './program.js';
import type { System } from './systems.js';
import { single, Table } from './tables.js';

/** Speeds cross in 1024ths; assembly/machine/machine.ts says the same. */
const FULL_SPEED = 1024;

/** 53 bits of a name, so that an entity's random stream depends on nothing but its name and the seed (two rounds of FNV-1a). */
export function nameHash(name: string): number {
  const round = (seed: number): number => {
    let hash = seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
    return hash;
  };
  return (round(0x811c9dc5) & 0x1fffff) * 2 ** 32 + round(0x050c5d1f);
}

/** A guest pays for its timers and interrupts with exits; the host for running guests. */
export function machineTable(machine: Machine, isGuest: boolean): number[] {
  const { syscallNs, ...costs } = machine.costs;
  const { exitNs, entryNs, timerWriteNs, timerNs, ipiSendNs, ipiNs } = machine.virtualization;
  const syscallEntryNs = Math.floor(syscallNs / 2);
  const smtSpeed = machine.threadsPerCore > 1 ? machine.smtSpeed : 1;
  return single('MachineTable', {
    ...costs,
    timerIrqNs: costs.timerIrqNs + (isGuest ? timerNs : 0),
    ipiNs: costs.ipiNs + (isGuest ? ipiNs : 0),
    timerWriteNs: isGuest ? timerWriteNs : 0,
    sendIpiNs: isGuest ? ipiSendNs : 0,
    vmExitNs: exitNs,
    vmEntryNs: entryNs,
    tickSkewNs: machine.tickSkewNs,
    syscallEntryNs,
    syscallExitNs: syscallNs - syscallEntryNs,
    smtSpeed: Math.round(smtSpeed * FULL_SPEED),
  });
}

export function kernelTable({ kernel, machine: { cpus, threadsPerCore }, tasks }: System): number[] {
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
    haltPollNs: kernel.haltPoll.mostNs,
    haltPollShrink: kernel.haltPoll.shrink,
    paravirtTimeAccounting: kernel.paravirtTimeAccounting ? 1 : 0,
  });
}

/** Each CPU's BT budget a period: what /proc/offline/cpuN leaves of sched_bt_runtime_us. */
export function btRuntimes(kernel: Kernel, cpus: number): number[] {
  const { periodNs, runtimeNs, percent } = kernel.bt;
  return Array.from({ length: cpus }, (_, cpu) => {
    const share = Array.isArray(percent) ? (percent[cpu] ?? 100) : percent;
    const budgetNs = Math.floor((periodNs * share) / 100);
    return runtimeNs < 0 ? budgetNs : Math.min(budgetNs, runtimeNs);
  });
}

export function noiseTable(machine: Machine, distributions: Distributions): Table<'NoiseTable'> {
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
export function groupTable(cgroups: CgroupSpec[]): { table: Table<'GroupTable'>; order: string[] } {
  const table = new Table('GroupTable');
  const order: string[] = [];
  const groups = new Map(cgroups.map((group) => [group.name, group]));
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
  for (const group of cgroups) add(group.name);
  return { table, order };
}
