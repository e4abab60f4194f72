/**
 * Scheduling domains: nested ranges of CPUs within which load is balanced (kernel/sched/topology.c sd_init, include/linux/sched/
 * topology.h). From the inside: SMT (the threads of a core), MC (a last-level cache), PKG (the machine). One NUMA node.
 */
import { allocateArray, allocateBytes, at } from '../base/arena';
import { machine } from '../machine/machine';
import { OWN, Part } from '../machine/own';
import { tunables } from './tunables';

@unmanaged
export class SchedDomain {
  /** CPUs begin … end − 1; its groups are `groupSize` consecutive ones each: the child's spans. */
  begin: u32;
  end: u32;
  groupSize: u32;
  /** The threads of a core (SD_SHARE_CPUCAPACITY), or CPUs of a cache (SD_SHARE_PKG_RESOURCES). */
  isSmt: bool;
  sharesCache: bool;
  /** Balanced inside a larger one that prefers to fill siblings evenly (child's SD_PREFER_SIBLING). */
  preferSibling: bool;
  /** A task could not be moved in here because of its affinity (sgc->imbalance of the group that this domain is). */
  imbalance: bool;
  imbalancePct: u64;
  cacheNiceTries: u32;
  minIntervalMs: u32;
  maxIntervalMs: u32;
  balanceIntervalMs: u32;
  lastBalance: u64;
  nrBalanceFailed: u32;
  /** The same for BT's balance, and the CPU that balances for the group that begins here; −1: none yet. */
  balanceIntervalBtMs: u32;
  lastBalanceBt: u64;
  nrBalanceFailedBt: u32;
  btBalanceCpu: i32;
  /** NI_RANDOM: calls and successes of newidle balance, and the ratio in 1024ths as of the last 1024 calls. */
  newidleCalls: u32;
  newidleSuccesses: u32;
  newidleRatio: u32;

  get weight(): u32 {
    return this.end - this.begin;
  }
}

@unmanaged
export class Topology {
  nrLevels: u32;
  /** Address of SchedDomain[nrCpus × levels], inner levels first. */
  domains: usize;
  /** Address of u32[]: nr_idle_scan of each cache, and u8[]: whether it may have an idle core. */
  idleScans: usize;
  idleCores: usize;
}

export const topology: Topology = changetype<Topology>(OWN + Part.TOPOLOGY);

const SMT_IMBALANCE_PCT: u64 = 110;
const IMBALANCE_PCT: u64 = 117;
/** Before 5.10, of a domain wider than a cache. */
const MACHINE_IMBALANCE_PCT: u64 = 125;
/** Calls, successes and ratio to begin with: half of all newidle balances are skipped at first (sd_init). */
const FIRST_CALLS: u32 = 512;
const FIRST_SUCCESSES: u32 = 256;

/** A CPU's domain on a level, 0 being the innermost. */
export function domainOf(cpu: u32, level: u32): SchedDomain {
  return at<SchedDomain>(topology.domains, cpu * topology.nrLevels + level);
}

/** Lays out the topology.domains of all CPUs; levels of one CPU or of the same span as the one below do not exist. */
export function newDomains(): void {
  const spans = allocateBytes(12);
  topology.nrLevels = 0;
  let below: u32 = 1;
  for (let level: u32 = 0; level < 3; level++) {
    const span = level == 0 ? machine.threadsPerCore : level == 1 ? machine.cpusPerLlc : machine.nrCpus;
    if (span <= below) continue;
    store<u32>(spans + (topology.nrLevels << 2), span);
    below = span;
    topology.nrLevels++;
  }
  topology.domains = allocateArray<SchedDomain>(machine.nrCpus * topology.nrLevels);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    let groupSize: u32 = 1;
    for (let level: u32 = 0; level < topology.nrLevels; level++) {
      const span = load<u32>(spans + (level << 2));
      initDomain(domainOf(cpu, level), (cpu / span) * span, span, groupSize, level > 0);
      groupSize = span;
    }
  }
  const caches = (machine.nrCpus + machine.cpusPerLlc - 1) / machine.cpusPerLlc;
  topology.idleScans = allocateBytes(caches << 2);
  topology.idleCores = allocateBytes(caches);
}

function initDomain(sd: SchedDomain, begin: u32, span: u32, groupSize: u32, hasChild: bool): void {
  sd.begin = begin;
  sd.end = min(begin + span, machine.nrCpus);
  sd.groupSize = groupSize;
  sd.isSmt = span <= machine.threadsPerCore;
  sd.sharesCache = span <= machine.cpusPerLlc;
  sd.preferSibling = hasChild;
  sd.imbalancePct = sd.isSmt
    ? SMT_IMBALANCE_PCT
    : tunables.loadHistory && !sd.sharesCache
      ? MACHINE_IMBALANCE_PCT
      : IMBALANCE_PCT;
  sd.cacheNiceTries = sd.isSmt ? 0 : 1;
  sd.minIntervalMs = sd.weight;
  sd.maxIntervalMs = 2 * sd.weight;
  sd.balanceIntervalMs = sd.weight;
  sd.balanceIntervalBtMs = sd.weight;
  sd.btBalanceCpu = -1;
  sd.newidleCalls = FIRST_CALLS;
  sd.newidleSuccesses = FIRST_SUCCESSES;
  sd.newidleRatio = FIRST_CALLS;
}

/** How many CPUs of its cache a search for an idle one may look at (sd_llc_shared nr_idle_scan). */
export function idleScan(cpu: u32): u32 {
  return load<u32>(topology.idleScans + ((cpu / machine.cpusPerLlc) << 2));
}

export function setIdleScan(cpu: u32, count: u32): void {
  store<u32>(topology.idleScans + ((cpu / machine.cpusPerLlc) << 2), count);
}

/** From the utilisation of a cache's CPUs, how many are worth looking at (update_idle_cpu_scan): none from 85 % on. */
export function idleScanFor(sumUtil: u64, size: u64, imbalancePct: u64): u32 {
  const x = sumUtil / size;
  const used = min((x * x * imbalancePct * imbalancePct) / (10000 * 1024), 1024);
  return <u32>(((1024 - used) * size) / 1024);
}

/** Whether some core of the cache may be wholly idle (test_idle_cores). */
export function hasIdleCore(cpu: u32): bool {
  return load<u8>(topology.idleCores + cpu / machine.cpusPerLlc) != 0;
}

export function setIdleCore(cpu: u32, value: bool): void {
  store<u8>(topology.idleCores + cpu / machine.cpusPerLlc, value ? 1 : 0);
}
