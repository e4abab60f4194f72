/**
 * The kernel's scheduler tunables and features, scaled and ready for use (/sys/kernel/debug/sched, /proc/sys/kernel/sched_*).
 */
import { OWN, Part } from '../machine/own';

@unmanaged
export class Tunables {
  latencyNs: u64;
  minGranularityNs: u64;
  wakeupGranularityNs: u64;
  idleMinGranularityNs: u64;
  migrationCostNs: u64;
  /** Up to so many tasks share one latency period (sched_nr_latency). */
  nrLatency: u32;
  gentleFairSleepers: bool;
  startDebit: bool;
  lastBuddy: bool;
  wakeupPreemption: bool;
  altPeriod: bool;
  baseSlice: bool;
  /** 6.1: an idle entity that wakes gets a smaller credit. */
  idlePlacement: bool;
  /** The fair class is EEVDF. */
  eevdf: bool;
  /** 6.18: a slice is protected up to a point of vruntime, not until the deadline is renewed. */
  vprot: bool;
  /** 6.18: an entity whose weight changes leaves its queue and is placed anew. */
  reweightPlaces: bool;
  /** 6.6: of equal deadlines the running one goes first. */
  currWinsTies: bool;
  baseSliceNs: u32;
  unscaledSliceNs: u32;
  placeLag: bool;
  placeDeadlineInitial: bool;
  placeRelDeadline: bool;
  runToParity: bool;
  preemptShort: bool;
  delayDequeue: bool;
  delayZero: bool;
  pickBuddy: bool;
  yieldForfeits: bool;
  /** What a CPU takes from a quota at a time. */
  bandwidthSliceNs: u64;
  /** Before 5.5: balance compares loads, and remembers those of past ticks (LB_BIAS). */
  loadHistory: bool;
  /** Before 4.15 a group's part on a CPU followed its present weight there alone. */
  weightOnly: bool;
  /** Before 5.4: that is void when the period ends. */
  runtimeExpires: bool;
  /** 6.18: a group without runtime stays on its queue, its tasks leave one by one. */
  throttlesTasks: bool;
  /** Load averages are kept: there is more than one CPU. */
  pelt: bool;
  /** Estimated utilisation counts, too (UTIL_EST); 6.12: a task's is taken before it leaves, not if it had to wait. */
  utilEst: bool;
  utilEstEarly: bool;
  niRandom: bool;
  /** Idle CPUs are searched for as far as utilisation allows, before 5.19 as far as the average idle time does. */
  sisUtil: bool;
  sisProp: bool;
  busyFactor: u32;
  /** Some tasks have a cookie, and the kernel keeps a core to one (CONFIG_SCHED_CORE). */
  coreSched: bool;
  /** preempt=full and lazy: kernel code is left at the interrupt's exit, too… */
  fullPreemption: bool;
  /** …but under lazy not for a fair task in favour of another (6.13). */
  lazyPreemption: bool;
  rtPeriodNs: u64;
  /** u64.MAX_VALUE: no throttling. */
  rtRuntimeNs: u64;
  /** 6.12: what fair tasks get a period however busy the real-time class is; 0: nothing. */
  fairServerRuntimeNs: u64;
  fairServerPeriodNs: u64;
  rrTicks: u32;
  btPeriodNs: u64;
  /** Fair load counts where BT load is compared. */
  btLoadFair: bool;
  /** BT leaves the siblings of a thread that runs an online task. */
  htIsolate: bool;
  /** Somebody notes who comes to a queue and leaves it: core scheduling, isolation, pressure. */
  notesQueues: bool;
  /** Longest time that BT may be kept from a CPU; 0: no guard. */
  btMaxThrottleNs: u64;
  vmfWakeupPreemption: bool;
  vmfActiveBalance: bool;
  vmfStarvationBoundNs: u64;
  vmfStarvationGrantNs: u64;
  /** KVM: a halted guest CPU's thread polls for at most so long before it sleeps; what its polls are divided by (0: become 0) when in vain. */
  haltPollNs: u64;
  haltPollShrink: u32;
  /** As a guest: steal time is not charged to the task that was running. */
  paravirtTimeAccounting: bool;
}

export const tunables: Tunables = changetype<Tunables>(OWN + Part.TUNABLES);
