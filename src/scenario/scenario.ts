/**
 * The resolved scenario: what every importer produces and what the simulation consumes.
 *
 * Plain data with no defaults left open: all times are integer nanoseconds, all names are resolved, roles are already mapped to
 * scheduling settings by a policy. Everything above this line of the house (YAML, rt-app JSON, recordings) ends here, and
 * `src/kernel/compile.ts` turns it into the tables of the simulated kernel.
 */
import type { RueDocument } from './rue.js';

/** A length of time: fixed, or drawn anew from a distribution each time it is needed. All parameters in nanoseconds. */
export type Duration =
  | { kind: 'fixed'; ns: number }
  | { kind: 'uniform'; minNs: number; maxNs: number }
  | { kind: 'exponential'; meanNs: number }
  | { kind: 'lognormal'; medianNs: number; sigma: number }
  | { kind: 'pareto'; minNs: number; alpha: number; maxNs: number }
  | { kind: 'empirical'; valuesNs: number[] };

/** What a task computes on: its own user time, a non-preemptible kernel section, or a section with interrupts off. */
export type RunMode = 'user' | 'kernel' | 'irqoff';

/** One step of a task's program. Programs are interpreted inside the simulated kernel; see docs/scenarios.md for each step. */
export type Step =
  /** `eachNs`: as much again for each message that the task holds. */
  | { op: 'run'; mode: RunMode; duration: Duration; eachNs?: number }
  /** rt-app's `runtime`: stay busy until this much wall time has passed, preempted or not. */
  | { op: 'busy'; duration: Duration }
  | { op: 'sleep'; duration: Duration }
  /**
   * Sleep until the timer's next period. `skip`: a period already past is skipped, as cyclictest does; `keep`: it is still armed and costs a
   * short sleep, as a plain absolute clock_nanosleep does; `run`: a late timer does not sleep and keeps its grid, as rt-app's absolute mode
   * does; `rebase`: it does not sleep and starts a new grid from now, as rt-app's relative mode does. The grid is phase + k × period of
   * simulated time, k = 1, 2, …; without a phase (null) it begins when the task first comes to the timer.
   * Instance i's period is longer by i × distance, as cyclictest's `-d` makes it.
   * Timers of the same name are shared by all tasks when `shared`, otherwise each task instance has its own.
   */
  | {
      op: 'timer';
      timer: string;
      shared: boolean;
      periodNs: number;
      phaseNs: number | null;
      distanceNs: number;
      missed: 'skip' | 'keep' | 'run' | 'rebase';
    }
  /** Begin of a measured interval: now. */
  | { op: 'stamp' }
  /** Sleeps until the next arrival, `gap` after the previous one, and is stamped with its time, however late it is. */
  | { op: 'arrive'; gap: Duration }
  /** A second stamp, now; and answers to the messages that the task holds, or makes next, come to this instance. */
  | { op: 'mark' }
  /** Draws one of these numbers as the key of each message that the task holds, or makes next. */
  | { op: 'key'; values: number[] }
  /**
   * End of a measured interval: adds now − (the last timer or sleep expiry | the last stamp | the last mark) to the recorder of that name, for
   * each message that the task holds.
   * `binsUs` > 0 also counts every instance's samples by the whole microsecond, 0…binsUs−1.
   */
  | { op: 'record'; recorder: string; since: 'timer' | 'stamp' | 'mark'; binsUs: number }
  | { op: 'wait'; condition: string; mutex: string | null }
  | { op: 'signal'; condition: string; all: boolean }
  | { op: 'lock'; mutex: string }
  | { op: 'unlock'; mutex: string }
  /** Sends the messages that the task holds, or a new one, into a channel or, each by the index, into one of an array of channels. */
  | { op: 'send'; channel: string; index?: ChannelIndex | undefined }
  /** Waits for messages, and holds up to `batch` of them until it sends them or receives others. */
  | { op: 'receive'; channel: string; index?: ChannelIndex | undefined; batch?: number | undefined }
  /** Runs the fibers that run on this task's threads, for ever. */
  | { op: 'serve' }
  /** Waits until as many tasks as use this barrier have come to it. */
  | { op: 'barrier'; barrier: string }
  | { op: 'suspend' }
  | { op: 'resume'; task: string }
  /** Starts one more instance of a task declared with `start: 'fork'`. */
  | { op: 'fork'; task: string }
  /** Begins another program: the idlest CPU is looked for anew. */
  | { op: 'exec' }
  | { op: 'yield' }
  | { op: 'policy'; sched: SchedSettings }
  | { op: 'exit' }
  | MemoryStep
  /** Asks for blocks of 2^order pages of the kernel, one after another, and keeps them; gives all back that it keeps. */
  | { op: 'alloc'; order: number; gfp: Gfp; times: number; recorder: string | null }
  | { op: 'release' }
  /** kswapd's whole program, and kcompactd's. */
  | { op: 'kswapd' }
  | { op: 'kcompactd' }
  /** The whole program of a kworker that reports memory pressure. */
  | { op: 'vmpressure' }
  /** The whole program of a device's flusher. */
  | { op: 'flusher'; device: number }
  /** A thread of RUE's whole program. */
  | { op: 'rue'; thread: number }
  /** Runs a CPU of a guest, for ever: the program of vCPU threads. */
  | { op: 'vcpu'; guest: string }
  /** `times: null` repeats for ever. */
  | { op: 'loop'; times: number | null; body: Step[] };

/**
 * How far a request of the kernel may go into the reserve, and whether it may wait: GFP_KERNEL, the same with __GFP_HIGH and with __GFP_NORETRY, GFP_NOWAIT,
 * GFP_ATOMIC, PF_MEMALLOC.
 */
export type Gfp = 'kernel' | 'high' | 'noretry' | 'nowait' | 'atomic' | 'memalloc';

/**
 * What a task does with memory: `times` operations on pages of one of its own areas or of a file, the next ones in order (from the begin again after the
 * last), uniformly at random, or four of five in the first fifth. An operation touches a page, or reads or writes `chunk` pages; `fill` reads until the
 * machine has no more than `freePages` free pages; `free` gives all these pages back.
 */
export interface MemoryStep {
  op: 'memory';
  access: 'touch' | 'read' | 'fill' | 'free' | 'write';
  area: string | null;
  file: string | null;
  first: number;
  pages: number;
  pattern: 'sequential' | 'uniform' | 'hot';
  times: number;
  chunk: number;
  freePages: number;
  /** Where the time of each operation is recorded; null: nowhere. */
  recorder: string | null;
}

/** Which channel of an array: one by its number, the one of the task's own instance (from a number on), of a message's origin, or of its key. */
export type ChannelIndex = number | 'own' | { own: number } | 'origin' | 'key';

/** Scheduling classes of the simulated kernel, strongest first, as a task can ask for them. */
export type SchedClassName = 'deadline' | 'fifo' | 'rr' | 'vmf' | 'fair' | 'batch' | 'idle' | 'bt';

/** How a task is scheduled. `nice` −20…19 (fair, batch, bt); `priority` 1…99 (fifo, rr), 0…7 with 0 first (vmf). */
export interface SchedSettings {
  class: SchedClassName;
  nice: number;
  priority: number;
  /** Of class deadline, and of no other. */
  reservation?: Reservation;
}

/** So much runtime in every period, due so long after it began (sched_setattr(2)). */
export interface Reservation {
  runtimeNs: number;
  deadlineNs: number;
  periodNs: number;
}

/** A task declaration: `count` instances that share a program. */
export interface TaskSpec {
  name: string;
  count: number;
  role: string | null;
  sched: SchedSettings;
  /** Name of a cgroup of the scenario, or null for the root. */
  cgroup: string | null;
  /** CPUs that it may use, ascending; null: all. Already intersected with its cgroup's cpuset. */
  cpus: number[] | null;
  /** Pin instance i to cpus[i mod cpus.length], as `cyclictest -a` does. */
  pinEach: boolean;
  startNs: number;
  /** Where it wakes then; null: where that leads to from any CPU that it may use. */
  startCpu: number | null;
  /**
   * How far its vruntime lies behind its queue's at its first wakeup, under EEVDF the lag that it went to sleep with; null: as far as after a
   * long sleep, and no lag.
   */
  startLagNs: number | null;
  /** `run`: exists from the start; `fork`: its `count` instances are a pool for the `fork` step. */
  start: 'run' | 'fork';
  /** Timer slack of its sleeps; null: 50 µs, or 0 in the real-time and vmf classes (prctl(2) PR_SET_TIMERSLACK). */
  timerSlackNs: number | null;
  /** EEVDF: a slice of its own; null: the base slice. */
  sliceNs: number | null;
  /** Its core-scheduling cookie (prctl(2) PR_SCHED_CORE); null: none, or its parent's if it is forked. */
  cookie: string | null;
  /** The task whose threads run its instances as fibers, which the kernel does not know; absent: they are threads. */
  runsOn?: string;
  program: Step[];
  /** Its anonymous areas, each instance its own, and its oom_score_adj; absent: none. */
  memory?: { areas: Array<{ name: string; pages: number }>; oomScoreAdj: number };
}

/** A control group with the CPU controller's weight and the TencentOS offline switch. */
export interface CgroupSpec {
  name: string;
  parent: string | null;
  /** cpu.weight 1…10000, default 100. */
  weight: number;
  /** cpu.idle: its tasks give way to all others. */
  idle: boolean;
  /** cpu.max; null: no quota. `phaseNs`: when one of its periods ends, after time 0; null: where the kernel puts that. */
  quota: { quotaNs: number; periodNs: number; burstNs: number; phaseNs: number | null } | null;
  /** TencentOS cpu.bt_shares: its weight in the BT class. */
  btShares: number;
  /** cpu.offline = 1: its tasks that are not real-time run in the BT class. */
  offline: boolean;
  /** Its memory controller; absent: no limits. Pages; null: max. */
  memory?: GroupMemory;
  /** cgroup.priority; absent: its parent's. */
  priority?: number;
  /** RUE; absent: as a new group. */
  qos?: GroupQos;
}

/** A group's files of RUE, under the kernel's names. */
export interface GroupQos {
  wmarkRatio: number;
  asyncRatio: number;
  asyncDistanceFactor: number;
  /** memory.alloc_bps in pages; 0: no limit. */
  allocPagesPerS: number;
  pagecacheMaxRatio: number;
  pagecacheReclaimRatio: number;
}

export type RuePart = 'tiers' | 'reclaim' | 'async' | 'accelerate' | 'speed' | 'cache' | 'oom' | 'latency';

/** RUE's switches and tunables. */
export interface RueSpec {
  parts: RuePart[];
  /** vm.qos_highest_reclaim_prio */
  highestReclaim: number;
  reservePages: number;
  latencyTargetNs: number;
  latencyPriority: number;
  cacheRetries: number;
}

/** memory.min, low, high, max, memory.swap.max and memory.oom.group. */
export interface GroupMemory {
  minPages: number;
  lowPages: number;
  highPages: number | null;
  maxPages: number | null;
  swapMaxPages: number | null;
  oomGroup: boolean;
}

/** A source of interference on every CPU that no task is to blame for: device interrupts, softirqs, firmware. */
export interface NoiseSource {
  name: string;
  /** From the end of one occurrence to the begin of the next, per CPU. */
  interval: Duration;
  length: Duration;
  /** `irq`: a handler, interrupts off; `preemptoff`: kernel work on top of the current task that only interrupts may enter. */
  kind: 'irq' | 'preemptoff';
}

/** An idle state of the processor, as in the cpuidle tables. Ordered shallow to deep. */
export interface IdleState {
  name: string;
  exitLatencyNs: number;
  targetResidencyNs: number;
}

/** What hardware and kernel paths cost, in nanoseconds. Charged to the task that runs, as Linux without IRQ_TIME_ACCOUNTING does. */
export interface MachineCosts {
  /** Timer interrupt: from its expiry to the first handler. */
  timerIrqNs: number;
  /** Scheduler tick handler. */
  tickNs: number;
  /** try_to_wake_up: from sched_waking to sched_wakeup. */
  wakeupNs: number;
  /** schedule(): from the decision to the sched_switch event. */
  scheduleNs: number;
  /** The switch itself: from sched_switch to the first instruction of the next task. */
  switchNs: number;
  /** Entry and exit of a system call that blocks. */
  syscallNs: number;
  /** Reschedule interrupt: from sending on one CPU to its handler on another. */
  ipiNs: number;
  /** Refilling caches after a migration, added to the task's next run. */
  migrationNs: number;
}

/** What virtualization costs on a machine, in nanoseconds (KVM). */
export interface VirtualizationCosts {
  /** VM exit: from the guest to the first handler of the host. */
  exitNs: number;
  /** VM entry: from the host's kernel to the guest. */
  entryNs: number;
  /** A guest programs its timer. */
  timerWriteNs: number;
  /** Delivery of a timer interrupt to a guest that runs, on top of what the interrupt costs on bare metal. */
  timerNs: number;
  /** A guest sends an interrupt to another of its CPUs. */
  ipiSendNs: number;
  /** Delivery of such an interrupt to a CPU that runs, on top of bare metal's. */
  ipiNs: number;
}

/** The simulated hardware. */
export interface Machine {
  name: string;
  cpus: number;
  /** CPUs that share a last-level cache: consecutive numbers. */
  cpusPerLlc: number;
  /** Hyper-threads of a core: consecutive numbers. 1: no SMT. */
  threadsPerCore: number;
  /** How much later each CPU ticks than the one before. */
  tickSkewNs: number;
  /** Speed of each of two threads of a core that both run a task, in parts of what one does alone. */
  smtSpeed: number;
  costs: MachineCosts;
  virtualization: VirtualizationCosts;
  idleStates: IdleState[];
  noise: NoiseSource[];
  memoryCosts: MemoryCosts;
}

/** What memory operations cost, in ns. */
export interface MemoryCosts {
  /** A touch of a page that is there, and one that is not: fault and clearing. */
  hitNs: number;
  faultNs: number;
  /** Refilling a per-CPU list of free pages: once, and for each page. */
  refillNs: number;
  refillPageNs: number;
  /** The pages that a CPU has collected come to their lists. */
  lruAddNs: number;
  /** A read(), each page of it, a page that readahead brings in, and a request to a device. */
  readNs: number;
  readPageNs: number;
  readaheadPageNs: number;
  ioNs: number;
  /** A write(), each page of it, and a page that the flusher writes. */
  writeNs: number;
  writePageNs: number;
  writebackNs: number;
  /** More for a page that is charged to a group. */
  chargeNs: number;
  /**
   * Reclaim: a pass over the node, more of it in direct reclaim, a group in it; a batch of a list, a page of it, more for one that is anonymous, that
   * is freed, that is written to swap; a page that is deactivated.
   */
  passNs: number;
  directNs: number;
  balanceNs: number;
  groupPassNs: number;
  batchNs: number;
  scanNs: number;
  rmapNs: number;
  stealNs: number;
  /** More for one that is freed with its buffer heads. */
  buffersNs: number;
  pageoutNs: number;
  deactivateNs: number;
  /** A page that its task gives back. */
  freeNs: number;
  /** A touch that brings a huge page; compaction: a page that it looks at, and one that it moves. */
  hugeFaultNs: number;
  compactScanNs: number;
  migrateNs: number;
  /** Reporting to user space what was scanned. */
  vmpressureNs: number;
}

/** The machine's memory. Absent from a scenario whose memory is not simulated. */
export interface MemorySpec {
  /** Managed pages of the zones; normal 0: there is no such zone. */
  zones: { dma: number; dma32: number; normal: number };
  /** vm.min_free_kbytes; null: as the kernel computes it, with transparent huge pages or without. */
  minFreeKb: number | null;
  /** Transparent huge pages: `madvise` raises min_free_kbytes, as `always` does, where all areas get them. */
  hugePages: 'never' | 'madvise' | 'always';
  watermarkScaleFactor: number;
  /** What is counted is also read at this time, so that it can be left out. */
  warmupNs: number;
  swappiness: number;
  /** Pages that the kernel itself uses. */
  kernelPages: number;
  /** Pages of file systems' own blocks, which reclaim looks at in vain. */
  heldPages: number;
  /** Pages that are read ahead at a time. */
  readaheadPages: number;
  /** vm.dirty_ratio, dirty_background_ratio, dirty_expire_centisecs, dirty_writeback_centisecs. */
  dirtyRatio: number;
  dirtyBackgroundRatio: number;
  dirtyExpireNs: number;
  dirtyWritebackNs: number;
  /** A device, or memory that holds compressed pages: `ratio` of them in one. */
  swap: {
    pages: number;
    latencyNs: number;
    depth: number;
    zram?: { ratio: number; compressNs: number; decompressNs: number };
  } | null;
  devices: Array<{ name: string; latencyNs: number; depth: number; maxRequestPages: number }>;
  files: Array<{ name: string; pages: number; device: string }>;
}

/** Tunables and features of a kernel, under the kernel's own names. */
export interface Kernel {
  name: string;
  hz: number;
  /** When kernel code is left for a task that should go first: preempt= on the kernel's command line. */
  preemption: 'none' | 'voluntary' | 'full' | 'lazy';
  /** CFS tunables before scaling by 1 + ilog2(min(cpus, 8)) (`tunableScaling: 'log'`). */
  tunableScaling: 'none' | 'log';
  latencyNs: number;
  minGranularityNs: number;
  wakeupGranularityNs: number;
  idleMinGranularityNs: number;
  migrationCostNs: number;
  /** sched_features that are on, as in /sys/kernel/debug/sched/features. */
  features: string[];
  /** What the fair class is: where versions differ in more than their features. */
  fair: 'cfs-4.14' | 'cfs-6.1' | 'eevdf-6.6' | 'eevdf-6.12' | 'eevdf-6.18';
  /** EEVDF's base slice before scaling. */
  baseSliceNs: number;
  /** What a CPU takes from a group's quota at a time. */
  bandwidthSliceNs: number;
  /** sched_rt_period_us and sched_rt_runtime_us in ns; runtime −1: no throttling. */
  rtPeriodNs: number;
  rtRuntimeNs: number;
  rrTimesliceNs: number;
  /** 6.12: what fair tasks get a period however busy the real-time class is; null: nothing. */
  fairServer: { runtimeNs: number; periodNs: number } | null;
  haltPoll: HaltPoll;
  /** PARAVIRT_TIME_ACCOUNTING: as a guest, steal time is not charged to the task that was running. */
  paravirtTimeAccounting: boolean;
  /** CONFIG_SCHED_CORE: the threads of a core run tasks of one cookie only. */
  coreSched: boolean;
  bt: BtTunables;
  vmf: VmfTunables;
}

/** Module parameters of kvm: halt_poll_ns, and halt_poll_ns_shrink (0: a poll in vain ends polling). */
export interface HaltPoll {
  mostNs: number;
  shrink: number;
}

/** TencentOS BT class: kernel.sched_bt_* and /proc/offline. */
export interface BtTunables {
  periodNs: number;
  /** kernel.sched_bt_runtime_us per CPU; −1: unlimited. */
  runtimeNs: number;
  /** /proc/offline/cpuN for all CPUs, or one value a CPU: percent of the period. */
  percent: number | number[];
  /** 6.6: kernel.sched_bt_percpu_max_throttle_time_sec in ns; 0: no starvation guard (4.14, 5.4). */
  maxThrottleTimeNs: number;
  /** kernel.sched_bt_load_fair: a CPU's fair load counts, too, where BT load is compared. */
  loadFair: boolean;
  /** 6.6: kernel.cpu_qos_ht_isolate. BT leaves the siblings of a thread that runs anything above it. */
  htIsolate: boolean;
}

/** VM First. Tencent published no mechanics: every knob here is ours (docs/model.md). */
export interface VmfTunables {
  /** A wakeup preempts everything below at once. */
  wakeupPreemption: boolean;
  /** A vCPU thread that has to wait is moved to a CPU without one. */
  activeBalance: boolean;
  /** Longest time that VMF may keep runnable lower classes from a CPU; 0: no bound. */
  starvationBoundNs: number;
  /** What the lower classes get once that bound is reached. */
  starvationGrantNs: number;
}

/** Virtual machines: `count` alike, each with a kernel and CPUs of its own, which threads of the host run. */
export interface Guest {
  name: string;
  count: number;
  /** As the guest sees it: its CPUs are its vCPUs. */
  machine: Machine;
  kernel: Kernel;
  policy: string;
  cgroups: CgroupSpec[];
  tasks: TaskSpec[];
}

/** A complete simulation, except for the seed. */
export interface Scenario {
  name: string;
  description: string;
  durationNs: number;
  /** CLOCK_MONOTONIC at time 0: bandwidth periods lie on multiples of their length since boot. */
  bootNs: number;
  /** When a real-time period that has begun before time 0 ends; null: none has. */
  rtPhaseNs: number | null;
  machine: Machine;
  kernel: Kernel;
  policy: string;
  cgroups: CgroupSpec[];
  /** Threads of guests among them: `guest/vcpu`, those of the first instance's CPUs first. */
  tasks: TaskSpec[];
  guests: Guest[];
  /** The host's memory; guests have enough of it. */
  memory?: MemorySpec;
  /** Whether the host's pressure is observed; absent: where memory is simulated. */
  psi?: boolean;
  /** When cgroups were made, from which on periods of their pressure are counted; absent: time 0. */
  cgroupsMadeNs?: number;
  /** When something reads the pressure files, which brings them up to date; rising. */
  pressureReadsNs?: readonly number[];
  /** Absent: RUE is off. */
  rue?: RueSpec;
  /** How the threads of RUE and kswapd are scheduled; absent: fair, nice 0. */
  housekeeping?: SchedSettings;
  /** Open loop: requests a second that its clients mean to send. */
  offeredPerS?: number;
}

/** Maps roles to scheduling settings, so that one scenario can be run under many policies. */
export interface Policy {
  name: string;
  description: string;
  /** Settings of tasks whose role is not listed below. */
  default: SchedSettings;
  roles: Record<string, SchedSettings>;
  /** Switches core scheduling on or off; null: as the kernel has it. */
  coreSched: boolean | null;
  /** Cookies of roles. */
  cookies: Record<string, string>;
  /** Cgroups of roles, for tasks that are in none. */
  cgroups: CgroupSpec[];
  /** The kernel that has it; null: any. */
  kernel: string | null;
  /** Changes to the kernel preset's BT and VMF tunables. */
  bt: Partial<BtTunables>;
  vmf: Partial<VmfTunables>;
  /** What of RUE is on; null: nothing. The reserve may be in percent. */
  rue: RueDocument | null;
}

/** All steps of a program, those of loops included. */
export function* stepsOf(program: readonly Step[]): Generator<Step> {
  for (const step of program) {
    yield step;
    if (step.op === 'loop') yield* stepsOf(step.body);
  }
}

/** How a task is scheduled at first, and by all policy steps of its program. */
export function settingsOf(task: TaskSpec): SchedSettings[] {
  return [task.sched, ...[...stepsOf(task.program)].flatMap((step) => (step.op === 'policy' ? [step.sched] : []))];
}

/** A task of the fair class that bears nothing but a name and a program. */
export function plainTask(name: string, program: Step[]): TaskSpec {
  return {
    name,
    count: 1,
    role: null,
    sched: { class: 'fair', nice: 0, priority: 0 },
    cgroup: null,
    cpus: null,
    pinEach: false,
    startNs: 0,
    startCpu: null,
    startLagNs: null,
    start: 'run',
    timerSlackNs: null,
    sliceNs: null,
    cookie: null,
    program,
  };
}
