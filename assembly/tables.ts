/**
 * The input buffer: what src/kernel/compile.ts writes and set-up reads. Every record is a run of f64 (exact up to 2⁵³), in the order of
 * src/kernel/tables.ts; a test compares the two files field by field.
 *
 *   Header │ DistributionTable[] │ values[] │ WaitQueueTable[] │ InstructionTable[] │ SpecTable[] │ RecorderTable[]
 *   MemoryTable │ DeviceTable[] │ FileTable[] │ AreaTable[] │ ViewTable[]
 *   and for each kernel, the host's first: SystemTable │ MachineTable │ KernelTable │ IdleStateTable[] │ NoiseTable[] │
 *   btRuntimeNs[cpus] │ GroupTable[] │ mask words (32 bits each)[]
 */

@unmanaged
export class Header {
  kernels: f64;
  cpus: f64;
  distributions: f64;
  values: f64;
  waitQueues: f64;
  sharedTimers: f64;
  instructions: f64;
  specs: f64;
  recorders: f64;
  tasks: f64;
  traceCapacity: f64;
  traceFromNs: f64;
  traceToNs: f64;
  /** Latencies below this are not traced. */
  traceLeastNs: f64;
  /** 1: memory is simulated. */
  memory: f64;
  devices: f64;
  files: f64;
  areas: f64;
  views: f64;
  /** The instruction with which a killed task goes on. */
  exitPc: f64;
  /** QosTable[]: one a group and the root; 0: RUE is off. */
  qos: f64;
}

@unmanaged
export class SystemTable {
  nameHash: f64;
  cpus: f64;
  cpusPerLlc: f64;
  threadsPerCore: f64;
  idleStates: f64;
  noiseSources: f64;
  groups: f64;
  masks: f64;
  specs: f64;
  maxSlackNs: f64;
  bootNs: f64;
  rtPhaseNs: f64;
  /** 1: pressure is observed. */
  psi: f64;
  /** When groups were made. */
  groupsMadeNs: f64;
}

@unmanaged
export class MachineTable {
  timerIrqNs: f64;
  tickNs: f64;
  wakeupNs: f64;
  scheduleNs: f64;
  switchNs: f64;
  syscallEntryNs: f64;
  syscallExitNs: f64;
  ipiNs: f64;
  migrationNs: f64;
  sendIpiNs: f64;
  timerWriteNs: f64;
  vmExitNs: f64;
  vmEntryNs: f64;
  tickSkewNs: f64;
  smtSpeed: f64;
}

@unmanaged
export class KernelTable {
  tickPeriodNs: f64;
  fullPreemption: f64;
  lazyPreemption: f64;
  latencyNs: f64;
  minGranularityNs: f64;
  wakeupGranularityNs: f64;
  idleMinGranularityNs: f64;
  migrationCostNs: f64;
  nrLatency: f64;
  gentleFairSleepers: f64;
  startDebit: f64;
  lastBuddy: f64;
  wakeupPreemption: f64;
  altPeriod: f64;
  baseSlice: f64;
  eevdf: f64;
  vprot: f64;
  reweightPlaces: f64;
  currWinsTies: f64;
  baseSliceNs: f64;
  unscaledSliceNs: f64;
  placeLag: f64;
  placeDeadlineInitial: f64;
  placeRelDeadline: f64;
  runToParity: f64;
  preemptShort: f64;
  delayDequeue: f64;
  delayZero: f64;
  pickBuddy: f64;
  yieldForfeits: f64;
  idlePlacement: f64;
  bandwidthSliceNs: f64;
  loadHistory: f64;
  weightOnly: f64;
  runtimeExpires: f64;
  throttlesTasks: f64;
  utilEst: f64;
  utilEstEarly: f64;
  niRandom: f64;
  sisUtil: f64;
  sisProp: f64;
  busyFactor: f64;
  coreSched: f64;
  rtPeriodNs: f64;
  rtRuntimeNs: f64;
  fairServerRuntimeNs: f64;
  fairServerPeriodNs: f64;
  rrTicks: f64;
  btPeriodNs: f64;
  btLoadFair: f64;
  htIsolate: f64;
  btMaxThrottleNs: f64;
  vmfActiveBalance: f64;
  vmfWakeupPreemption: f64;
  vmfStarvationBoundNs: f64;
  vmfStarvationGrantNs: f64;
  haltPollNs: f64;
  haltPollShrink: f64;
  paravirtTimeAccounting: f64;
}

@unmanaged
export class IdleStateTable {
  exitLatencyNs: f64;
  targetResidencyNs: f64;
}

@unmanaged
export class NoiseTable {
  interval: f64;
  length: f64;
  preemptOff: f64;
  nameHash: f64;
}

@unmanaged
export class GroupTable {
  parent: f64;
  shares: f64;
  idle: f64;
  quotaNs: f64;
  periodNs: f64;
  burstNs: f64;
  /** When one of its periods ends, after time 0; negative: as the kernel has it. */
  phaseNs: f64;
  btShares: f64;
  /** Pages; negative: no limit. */
  memoryMin: f64;
  memoryLow: f64;
  memoryHigh: f64;
  memoryMax: f64;
  swapMax: f64;
  oomGroup: f64;
}

@unmanaged
export class DistributionTable {
  kind: f64;
  a: f64;
  b: f64;
  c: f64;
  firstValue: f64;
  count: f64;
}

@unmanaged
export class WaitQueueTable {
  size: f64;
  shared: f64;
}

@unmanaged
export class InstructionTable {
  op: f64;
  a: f64;
  b: f64;
  c: f64;
  distribution: f64;
  x: f64;
  y: f64;
  z: f64;
}

@unmanaged
export class SpecTable {
  count: f64;
  nameHash: f64;
  policy: f64;
  nice: f64;
  prio: f64;
  group: f64;
  mask: f64;
  pinEach: f64;
  startNs: f64;
  startCpu: f64;
  startLagNs: f64;
  pool: f64;
  timerSlackNs: f64;
  sliceNs: f64;
  cookie: f64;
  mayBeDeadline: f64;
  dlRuntimeNs: f64;
  dlDeadlineNs: f64;
  dlPeriodNs: f64;
  program: f64;
  timers: f64;
  loops: f64;
  firstVcpu: f64;
  threads: f64;
  carries: f64;
  oomScoreAdj: f64;
  firstArea: f64;
  areas: f64;
  firstView: f64;
  views: f64;
}

@unmanaged
export class RecorderTable {
  spec: f64;
  binsUs: f64;
}

/** Pages, and costs in ns. */
@unmanaged
export class MemoryTable {
  dmaPages: f64;
  dma32Pages: f64;
  normalPages: f64;
  /** Negative: as the kernel computes it. */
  minFreeKb: f64;
  watermarkScaleFactor: f64;
  /** 1: min_free_kbytes is raised for huge pages; 2: and areas get them. */
  hugePages: f64;
  /** Blocks of free pages are counted. */
  orders: f64;
  swappiness: f64;
  swapPages: f64;
  /** Pages of swap that are stored in one of memory; 0: swap is a device. */
  zramRatio: f64;
  compressNs: f64;
  decompressNs: f64;
  kernelPages: f64;
  heldPages: f64;
  readaheadPages: f64;
  kswapdSpec: f64;
  /** Negative: there is none. */
  kcompactdSpec: f64;
  /** The kworkers that report pressure: one a CPU. */
  vmpressureSpec: f64;
  dirtyRatio: f64;
  dirtyBackgroundRatio: f64;
  dirtyExpireNs: f64;
  dirtyWritebackNs: f64;
  hitNs: f64;
  faultNs: f64;
  refillNs: f64;
  refillPageNs: f64;
  lruAddNs: f64;
  readNs: f64;
  readPageNs: f64;
  readaheadPageNs: f64;
  ioNs: f64;
  writeNs: f64;
  writePageNs: f64;
  writebackNs: f64;
  chargeNs: f64;
  passNs: f64;
  directNs: f64;
  balanceNs: f64;
  groupPassNs: f64;
  batchNs: f64;
  scanNs: f64;
  rmapNs: f64;
  stealNs: f64;
  buffersNs: f64;
  pageoutNs: f64;
  deactivateNs: f64;
  freeNs: f64;
  hugeFaultNs: f64;
  compactScanNs: f64;
  migrateNs: f64;
  vmpressureNs: f64;
}

/** The first is the swap device, used or not. */
@unmanaged
export class DeviceTable {
  latencyNs: f64;
  depth: f64;
  maxRequestPages: f64;
  /** The thread that writes its dirty pages; negative: none, as nobody writes. */
  flusherSpec: f64;
}

@unmanaged
export class FileTable {
  pages: f64;
  device: f64;
}

/** An anonymous area of each instance of a task. */
@unmanaged
export class AreaTable {
  pages: f64;
}

@unmanaged
export class ViewTable {
  /** Of a file, or of the task's own area; region −1: of nothing. */
  file: f64;
  region: f64;
  first: f64;
  pages: f64;
  pattern: f64;
}

/** RUE: its parts (Part in assembly/mm/rue/rue.ts), its tunables, and its threads by their declarations. */
@unmanaged
export class RueTable {
  parts: f64;
  highestReclaim: f64;
  reservePages: f64;
  latencyTargetNs: f64;
  latencyPriority: f64;
  cacheRetries: f64;
  controllerSpec: f64;
  workerSpec: f64;
  asyncSpec: f64;
  latencySpec: f64;
}

/** What each group has of RUE; the root first. */
@unmanaged
export class QosTable {
  priority: f64;
  wmarkRatio: f64;
  asyncRatio: f64;
  asyncDistanceFactor: f64;
  /** Pages a second; 0: any number. */
  allocPagesPerS: f64;
  cacheMaxRatio: f64;
  cacheReclaimRatio: f64;
}

/** A record of an array in the buffer, where they lie without gaps. */
export function rowAt<T>(base: usize, index: u32): T {
  return changetype<T>(base + offsetof<T>() * index);
}

/** Walks the buffer record by record. */
export class Reader {
  constructor(private place: usize) {}

  /** The next record; the cursor goes on behind it. */
  next<T>(): T {
    const record = changetype<T>(this.place);
    this.place += offsetof<T>();
    return record;
  }

  /** The next single number. */
  number(): f64 {
    const value = load<f64>(this.place);
    this.place += 8;
    return value;
  }

  /** Skips an array of T and returns its address. */
  array<T>(count: u32): usize {
    const begin = this.place;
    this.place += count * offsetof<T>();
    return begin;
  }

  /** Skips `count` numbers and returns their address. */
  numbers(count: u32): usize {
    const begin = this.place;
    this.place += count << 3;
    return begin;
  }
}
