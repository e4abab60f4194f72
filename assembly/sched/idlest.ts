/**
 * Where a new task or a new program starts: the idlest CPU of the idlest group, domain by domain from the outside (kernel/sched/fair.c
 * find_idlest_cpu, find_idlest_group). How groups are compared before 5.7 is in sched/idlest_414.ts.
 */
import { allocate } from '../base/arena';
import { Task } from '../task/task';
import { coreSuits, groupSuits } from './cookie';
import { fairLoad } from './cpu_load';
import { domainOf, SchedDomain, topology } from './domain';
import { gatherStatsFor, GroupStats, GroupType } from './group_stats';
import { idlestGroup414 } from './idlest_414';
import { firstCommon, masks } from './masks';
import { idleCpu, rqOf } from './rq';
import { machine } from '../machine/machine';
import { tunables } from './tunables';

let local: GroupStats = changetype<GroupStats>(0);
let idlest: GroupStats = changetype<GroupStats>(0);
let candidate: GroupStats = changetype<GroupStats>(0);

/** Space for the comparison of groups; at set-up. */
export function newIdlestStats(): void {
  local = allocate<GroupStats>();
  idlest = allocate<GroupStats>();
  candidate = allocate<GroupStats>();
}

/** The CPU that a task should start on, seen from `here`; `fallback` if it may use none that is found. */
export function idlestCpu(task: Task, here: u32, fallback: u32, isNew: bool): u32 {
  let cpu = here;
  let level = <i32>topology.nrLevels - 1;
  while (level >= 0) {
    const sd = domainOf(cpu, level);
    const group = tunables.loadHistory ? idlestGroup414(sd, task, cpu, isNew) : idlestGroup(sd, task, cpu);
    if (group >= 0) {
      const next = idlestInGroup(group, min(group + sd.groupSize, sd.end), task, cpu);
      if (next >= 0) cpu = next;
    }
    level--;
  }
  if (task.mayRunOn(cpu)) return cpu;
  return task.mayRunOn(fallback) ? fallback : <u32>firstCommon(task.cpusAllowed, task.cpusAllowed, 0, machine.nrCpus);
}

/** The first CPU of the idlest group of a domain seen from `cpu`; −1: the own one (find_idlest_group). */
function idlestGroup(sd: SchedDomain, task: Task, cpu: u32): i32 {
  let found = false;
  let hasLocal = false;
  for (let begin = sd.begin; begin < sd.end; begin += sd.groupSize) {
    const end = min(begin + sd.groupSize, sd.end);
    if (firstCommon(task.cpusAllowed, task.cpusAllowed, begin, end) < 0) continue;
    if (tunables.coreSched && !groupSuits(begin, end, task)) continue;
    gatherStatsFor(task, candidate, begin, end, sd.imbalancePct);
    if (cpu >= begin && cpu < end) {
      hasLocal = true;
      swapLocal();
    } else if (!found || isIdler(candidate, idlest)) {
      found = true;
      swapIdlest();
    }
  }
  return found && (!hasLocal || beatsLocal(sd)) ? <i32>idlest.begin : -1;
}

function swapLocal(): void {
  const old = local;
  local = candidate;
  candidate = old;
}

function swapIdlest(): void {
  const old = idlest;
  idlest = candidate;
  candidate = old;
}

/** update_pick_idlest */
function isIdler(a: GroupStats, b: GroupStats): bool {
  if (a.type != b.type) return b.type > a.type;
  if (a.type != GroupType.HAS_SPARE) return b.avgLoad > a.avgLoad;
  if (a.idleCpus != b.idleCpus) return a.idleCpus > b.idleCpus;
  return b.util > a.util;
}

function beatsLocal(sd: SchedDomain): bool {
  if (local.type != idlest.type) return local.type > idlest.type;
  if (local.type == GroupType.HAS_SPARE) return idlest.idleCpus > local.idleCpus;
  // Moving is not worth while for less than a sixth of a nice-0 task's load.
  const imbalance = (1024 * (sd.imbalancePct - 100)) / 100;
  if (idlest.avgLoad >= local.avgLoad + imbalance) return false;
  return 100 * local.avgLoad > sd.imbalancePct * idlest.avgLoad;
}

/** A CPU with nothing but SCHED_IDLE tasks, an idle one in the shallowest idle state, the one that went idle last; otherwise the least load (find_idlest_group_cpu). */
function idlestInGroup(begin: u32, end: u32, task: Task, here: u32): i32 {
  let best = -1;
  let bestIsIdle = false;
  let exit = u64.MAX_VALUE;
  let since: u64 = 0;
  let least = u64.MAX_VALUE;
  for (let cpu = begin; cpu < end; cpu++) {
    if (!task.mayRunOn(cpu)) continue;
    const rq = rqOf(cpu);
    if (tunables.coreSched && !coreSuits(rq, task)) continue;
    // sched_idle_cpu
    if (!tunables.loadHistory && rq.nrRunning != 0 && rq.nrRunning == rq.cfs.idleHNrRunning) return <i32>cpu;
    if (idleCpu(rq)) {
      if (rq.idleExitNs > exit || (rq.idleExitNs == exit && rq.idleStamp < since)) continue;
      if (rq.idleExitNs == exit && rq.idleStamp == since && bestIsIdle && cpu != here) continue;
      exit = rq.idleExitNs;
      since = rq.idleStamp;
      best = cpu;
      bestIsIdle = true;
    } else if (!bestIsIdle) {
      const load = tunables.loadHistory ? fairLoad(rq) : tunables.pelt ? rq.cfs.avg.loadAvg : rq.cfs.weight;
      if (load > least || (load == least && !(tunables.loadHistory && cpu == here))) continue;
      least = load;
      best = cpu;
    }
  }
  return best;
}
