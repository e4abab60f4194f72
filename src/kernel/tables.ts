/**
 * The layout of the simulated kernel's input buffer: the records of assembly/tables.ts, field by field, and the codes that they hold.
 * Every field is an f64; a test compares both files.
 */

export const RECORDS = {
  Header: [
    'kernels',
    'cpus',
    'distributions',
    'values',
    'waitQueues',
    'sharedTimers',
    'instructions',
    'specs',
    'recorders',
    'tasks',
    'traceCapacity',
    'traceFromNs',
    'traceToNs',
    'traceLeastNs',
    'memory',
    'devices',
    'files',
    'areas',
    'views',
    'exitPc',
    'qos',
  ],
  SystemTable: [
    'nameHash',
    'cpus',
    'cpusPerLlc',
    'threadsPerCore',
    'idleStates',
    'noiseSources',
    'groups',
    'masks',
    'specs',
    'maxSlackNs',
    'bootNs',
    'rtPhaseNs',
    'psi',
    'groupsMadeNs',
  ],
  MachineTable: [
    'timerIrqNs',
    'tickNs',
    'wakeupNs',
    'scheduleNs',
    'switchNs',
    'syscallEntryNs',
    'syscallExitNs',
    'ipiNs',
    'migrationNs',
    'sendIpiNs',
    'timerWriteNs',
    'vmExitNs',
    'vmEntryNs',
    'tickSkewNs',
    'smtSpeed',
  ],
  KernelTable: [
    'tickPeriodNs',
    'fullPreemption',
    'lazyPreemption',
    'latencyNs',
    'minGranularityNs',
    'wakeupGranularityNs',
    'idleMinGranularityNs',
    'migrationCostNs',
    'nrLatency',
    'gentleFairSleepers',
    'startDebit',
    'lastBuddy',
    'wakeupPreemption',
    'altPeriod',
    'baseSlice',
    'eevdf',
    'vprot',
    'reweightPlaces',
    'currWinsTies',
    'baseSliceNs',
    'unscaledSliceNs',
    'placeLag',
    'placeDeadlineInitial',
    'placeRelDeadline',
    'runToParity',
    'preemptShort',
    'delayDequeue',
    'delayZero',
    'pickBuddy',
    'yieldForfeits',
    'idlePlacement',
    'bandwidthSliceNs',
    'loadHistory',
    'weightOnly',
    'runtimeExpires',
    'throttlesTasks',
    'utilEst',
    'utilEstEarly',
    'niRandom',
    'sisUtil',
    'sisProp',
    'busyFactor',
    'coreSched',
    'rtPeriodNs',
    'rtRuntimeNs',
    'fairServerRuntimeNs',
    'fairServerPeriodNs',
    'rrTicks',
    'btPeriodNs',
    'btLoadFair',
    'htIsolate',
    'btMaxThrottleNs',
    'vmfActiveBalance',
    'vmfWakeupPreemption',
    'vmfStarvationBoundNs',
    'vmfStarvationGrantNs',
    'haltPollNs',
    'haltPollShrink',
    'paravirtTimeAccounting',
  ],
  IdleStateTable: ['exitLatencyNs', 'targetResidencyNs'],
  NoiseTable: ['interval', 'length', 'preemptOff', 'nameHash'],
  GroupTable: [
    'parent',
    'shares',
    'idle',
    'quotaNs',
    'periodNs',
    'burstNs',
    'phaseNs',
    'btShares',
    'memoryMin',
    'memoryLow',
    'memoryHigh',
    'memoryMax',
    'swapMax',
    'oomGroup',
  ],
  DistributionTable: ['kind', 'a', 'b', 'c', 'firstValue', 'count'],
  WaitQueueTable: ['size', 'shared'],
  InstructionTable: ['op', 'a', 'b', 'c', 'distribution', 'x', 'y', 'z'],
  SpecTable: [
    'count',
    'nameHash',
    'policy',
    'nice',
    'prio',
    'group',
    'mask',
    'pinEach',
    'startNs',
    'startCpu',
    'startLagNs',
    'pool',
    'timerSlackNs',
    'sliceNs',
    'cookie',
    'mayBeDeadline',
    'dlRuntimeNs',
    'dlDeadlineNs',
    'dlPeriodNs',
    'program',
    'timers',
    'loops',
    'firstVcpu',
    'threads',
    'carries',
    'oomScoreAdj',
    'firstArea',
    'areas',
    'firstView',
    'views',
  ],
  RecorderTable: ['spec', 'binsUs'],
  MemoryTable: [
    'dmaPages',
    'dma32Pages',
    'normalPages',
    'minFreeKb',
    'watermarkScaleFactor',
    'hugePages',
    'orders',
    'swappiness',
    'swapPages',
    'zramRatio',
    'compressNs',
    'decompressNs',
    'kernelPages',
    'heldPages',
    'readaheadPages',
    'kswapdSpec',
    'kcompactdSpec',
    'vmpressureSpec',
    'dirtyRatio',
    'dirtyBackgroundRatio',
    'dirtyExpireNs',
    'dirtyWritebackNs',
    'hitNs',
    'faultNs',
    'refillNs',
    'refillPageNs',
    'lruAddNs',
    'readNs',
    'readPageNs',
    'readaheadPageNs',
    'ioNs',
    'writeNs',
    'writePageNs',
    'writebackNs',
    'chargeNs',
    'passNs',
    'directNs',
    'balanceNs',
    'groupPassNs',
    'batchNs',
    'scanNs',
    'rmapNs',
    'stealNs',
    'buffersNs',
    'pageoutNs',
    'deactivateNs',
    'freeNs',
    'hugeFaultNs',
    'compactScanNs',
    'migrateNs',
    'vmpressureNs',
  ],
  DeviceTable: ['latencyNs', 'depth', 'maxRequestPages', 'flusherSpec'],
  FileTable: ['pages', 'device'],
  AreaTable: ['pages'],
  ViewTable: ['file', 'region', 'first', 'pages', 'pattern'],
  RueTable: [
    'parts',
    'highestReclaim',
    'reservePages',
    'latencyTargetNs',
    'latencyPriority',
    'cacheRetries',
    'controllerSpec',
    'workerSpec',
    'asyncSpec',
    'latencySpec',
  ],
  QosTable: [
    'priority',
    'wmarkRatio',
    'asyncRatio',
    'asyncDistanceFactor',
    'allocPagesPerS',
    'cacheMaxRatio',
    'cacheReclaimRatio',
  ],
} as const;

export type RecordName = keyof typeof RECORDS;

/** A record's values under its fields' names. */
export type RecordOf<Name extends RecordName> = Record<(typeof RECORDS)[Name][number], number>;

/** Operation codes of assembly/task/instruction.ts. */
export const OP = {
  EXIT: 0,
  RUN: 1,
  BUSY: 2,
  SLEEP: 3,
  TIMER: 4,
  STAMP: 5,
  RECORD: 6,
  WAIT: 7,
  SIGNAL: 8,
  LOCK: 9,
  UNLOCK: 10,
  SEND: 11,
  RECEIVE: 12,
  BARRIER: 13,
  FORK: 14,
  YIELD: 15,
  POLICY: 16,
  LOOP: 17,
  REPEAT: 18,
  JUMP: 19,
  EXEC: 20,
  ARRIVE: 21,
  KEY: 22,
  MARK: 23,
  UNPARK: 24,
  SERVE: 25,
  VCPU: 26,
  MEMORY: 27,
  KSWAPD: 28,
  UNMAP: 29,
  RUE: 30,
  FLUSHER: 31,
  KCOMPACTD: 32,
  VMPRESSURE: 33,
} as const;

/** Kinds of assembly/base/random.ts. */
export const DISTRIBUTION = { fixed: 0, uniform: 1, exponential: 2, lognormal: 3, pareto: 4, empirical: 5 } as const;

/** Modes of assembly/task/task.ts; no step asks for the last one. */
export const MODE = { user: 0, kernel: 1, irqoff: 2, touch: 3 } as const;

/** Access of assembly/mm/phase.ts and Pattern of assembly/mm/task_mm.ts. */
export const ACCESS = { touch: 0, read: 1, fill: 2, free: 3, write: 4, alloc: 5, release: 6 } as const;
/** MemoryTable.hugePages. */
export const HUGE_PAGES = { never: 0, madvise: 1, always: 2 } as const;
/** Gfp of assembly/mm/order/alloc.ts. */
export const GFP = { kernel: 0, high: 1, noretry: 2, nowait: 3, atomic: 4, memalloc: 5 } as const;
export const PATTERN = { sequential: 0, uniform: 1, hot: 2 } as const;

/** Missed of assembly/task/instruction.ts. */
export const MISSED = { skip: 0, keep: 1, rebase: 2, run: 3 } as const;

/** Channel and Since of assembly/task/instruction.ts. */
export const CHANNEL = { one: 0, own: 1, origin: 2, key: 3 } as const;
export const SINCE = { timer: 0, stamp: 1, mark: 2 } as const;

/** Policies of assembly/task/task.ts: sched_setscheduler(2)'s numbers, TencentOS's 7, and ours. */
export const POLICY = { fair: 0, fifo: 1, rr: 2, batch: 3, idle: 5, deadline: 6, bt: 7, vmf: 8 } as const;

/** An instruction of this code, with zeros elsewhere. */
export function instruction(
  op: number,
  fields: Partial<Omit<RecordOf<'InstructionTable'>, 'op'>> = {},
): RecordOf<'InstructionTable'> {
  return { op, a: 0, b: 0, c: 0, distribution: -1, x: 0, y: 0, z: 0, ...fields };
}

/** Collects one kind of record, in order. */
export class Table<Name extends RecordName> {
  readonly values: number[] = [];
  #count = 0;

  constructor(readonly name: Name) {}

  /** How many records it has. */
  get count(): number {
    return this.#count;
  }

  /** Adds a record; returns its index. */
  add(record: RecordOf<Name>): number {
    for (const field of RECORDS[this.name] as readonly (keyof RecordOf<Name>)[]) this.values.push(record[field]);
    return this.#count++;
  }
}

/** The values of one record. */
export function single<Name extends RecordName>(name: Name, record: RecordOf<Name>): number[] {
  return (RECORDS[name] as readonly (keyof RecordOf<Name>)[]).map((field) => record[field]);
}
