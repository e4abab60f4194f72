/**
 * What a simulation observed, read out of the simulated kernel once, in bulk, at its end. Plain data; all times in nanoseconds.
 */

/** Bucket layout of the log-linear histogram in assembly/base/histogram.ts: below 2^bits exact, above 2^bits buckets an octave. */
export const HISTOGRAM_BITS = 7;

/** A log-linear histogram (relative error of a quantile ≤ 1/256) with exact count, sum, minimum and maximum. */
export interface HistogramData {
  count: number;
  sumNs: number;
  minNs: number;
  maxNs: number;
  /** Sparse: [bucket index, count] in ascending order. */
  buckets: Array<[index: number, count: number]>;
}

/** A `record` step's samples: one recorder of one task spec, all instances together and each instance apart. */
export interface RecorderResult {
  task: string;
  recorder: string;
  latency: HistogramData;
  /** When and for which instance (0…count−1) the largest sample was recorded. */
  worst: { atNs: number; instance: number; latencyNs: number };
  /** As cyclictest prints a thread. Empty unless the step asked for `binsUs`. */
  threads: ThreadSamples[];
}

/** One instance's samples in whole microseconds, truncated as cyclictest does. */
export interface ThreadSamples {
  count: number;
  sumUs: number;
  minUs: number;
  maxUs: number;
  /** Samples per microsecond 0…binsUs−1; the others are `count` minus their sum. */
  microseconds: Uint32Array;
}

/** Sums over the instances of one task spec. */
export interface TaskResult {
  name: string;
  role: string | null;
  count: number;
  cpuNs: number;
  /** Time runnable but not running. */
  waitNs: number;
  voluntarySwitches: number;
  involuntarySwitches: number;
  wakeups: number;
  migrations: number;
  /** Core scheduling: time that siblings were forced to be idle because of its cookie. */
  forcedIdleNs: number;
  /** sched_wakeup → sched_switch to it. */
  wakeupLatency: HistogramData;
  /** sched_switch to it → sched_switch away from it. */
  runSegment: HistogramData;
  /** sched_switch away while runnable → sched_switch to it. */
  preemptedWait: HistogramData;
}

export interface CpuResult {
  cpu: number;
  idleNs: number;
  /** Interrupt noise and kernel work on top of tasks and idle. */
  irqNs: number;
  switches: number;
  ticks: number;
  migrationsIn: number;
  /** The part of idleNs in which tasks waited that must not run beside a sibling's: core scheduling, isolation of hyper-threads. */
  forcedIdleNs: number;
}

/** What became of the CPUs of a guest; sums over its instances. CPU time of its tasks + idleNs + stealNs + hostNs = CPUs × elapsed. */
export interface GuestResult {
  name: string;
  /** CPUs of all instances. */
  vcpus: number;
  /** The guest's CPUs were idle, most of it halted. */
  idleNs: number;
  haltedNs: number;
  /** The vCPU threads were runnable and did not run. */
  stealNs: number;
  /** The host's kernel took it: exits, entries, and what it did in between. */
  hostNs: number;
  switches: number;
  ticks: number;
  exits: number;
  halts: number;
  /** Halts that polling ended, without a switch on the host. */
  polls: number;
}

/** What the memory side counted since time 0, and where it stands; under the kernel's names. */
export interface MemoryResult {
  vmstat: Record<string, number>;
  levels: Record<string, number>;
  zones: Array<Record<string, number>>;
  /** By name; `root` is the machine. */
  groups: Record<string, Record<string, number>>;
  histograms: Record<string, HistogramData>;
  /** RUE's level and pressure, and what it did to each group; absent: it is off. */
  rue?: Record<string, number>;
  qos?: Record<string, Record<string, number>>;
}

/** A line of a pressure file: how long some task was stalled, or all that had something to do; averages in percent. */
export interface PressureFigures {
  totalNs: number;
  avg10: number;
  avg60: number;
  avg300: number;
}

/** What the files of /proc/pressure and of cgroups say, by group; `root` is the machine. */
export type PressureResult = Record<string, Record<'io' | 'memory' | 'cpu', Record<'some' | 'full', PressureFigures>>>;

/** One run of one scenario with one seed. */
export interface Result {
  scenario: string;
  policy: string;
  kernel: string;
  machine: string;
  seed: number;
  durationNs: number;
  /** Simulated events handled: timer expiries, ticks, ends of run segments, interrupts. */
  events: number;
  switches: number;
  /** Those of guests are named `guest/task`, all instances of the guest together. */
  tasks: TaskResult[];
  /** The host's. */
  cpus: CpuResult[];
  guests: GuestResult[];
  recorders: RecorderResult[];
  trace: TraceEvent[];
  /** Absent: memory was not simulated. */
  memory?: MemoryResult;
  /** As it was at the end of the warm-up; absent without one. */
  memoryBefore?: MemoryResult;
  /** Absent: pressure was not observed. */
  pressure?: PressureResult;
  /** As it was at the end of the warm-up. */
  pressureBefore?: PressureResult;
}

/** Entries of the trace ring, in the order and with the meaning of the kernel's sched tracepoints. */
export type TraceEvent =
  | { at: number; cpu: number; event: 'switch'; prev: string; prevState: 'R' | 'R+' | 'S' | 'X'; next: string }
  | { at: number; cpu: number; event: 'waking'; task: string; target: number }
  /** `held`: the target's task is in kernel code, or a softirq runs on top of it, so that it cannot reschedule yet. */
  | { at: number; cpu: number; event: 'wakeup'; task: string; target: number; held: 'kernel' | 'softirq' | null }
  | { at: number; cpu: number; event: 'migrate'; task: string; from: number; to: number }
  | { at: number; cpu: number; event: 'irq'; source: string; lengthNs: number }
  | { at: number; cpu: number; event: 'throttle'; what: string }
  | { at: number; cpu: number; event: 'record'; task: string; recorder: string; latencyNs: number }
  /** The OOM killer chose it. */
  | { at: number; cpu: number; event: 'oom'; task: string }
  /** It reclaims pages itself: from all groups (null) or from one and those below it. `pages`: freed, at the end. */
  | { at: number; cpu: number; event: 'reclaim'; task: string; group: string | null; begins: boolean; pages: number }
  /** It sleeps for memory until its wakeup. */
  | { at: number; cpu: number; event: 'blocked'; task: string; on: Blocked };

/** What of the memory a task sleeps for: a page on its way from a device, memory.high, RUE's allocation speed, too many dirty pages, a device that takes no more requests. */
export type Blocked = 'page' | 'high' | 'speed' | 'dirty' | 'device';
