/**
 * Where BT tasks wake and start (kernel/sched/batch.c select_task_rq_bt of TencentOS 4.14): an idle CPU near the previous one, or there
 * behind whatever runs; a new one where least waits, on a CPU that fair tasks leave alone.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { ageFactor, hasStronger } from './bt_busiest';
import { fairLoad } from './cpu_load';
import { domainOf, SchedDomain, topology } from './domain';
import { isIsolated } from './ht_isolate';
import { coreBegin, coreEnd, llcBegin, llcEnd } from './masks';
import { idleCpu, Rq, rqOf } from './rq';
import { tunables } from './tunables';

function isOpen(cpu: u32): bool {
  const rq = rqOf(cpu);
  return idleCpu(rq) && !rq.bt.throttled && !isIsolated(rq);
}

export function selectBtRq(task: Task, prevCpu: u32, forked: bool): u32 {
  const cpu = forked
    ? idlestForBt(task, prevCpu)
    : task.mayRunOn(machine.thisCpu)
      ? idleSibling(task, prevCpu)
      : prevCpu;
  return rqOf(cpu).bt.runtime == 0 ? task.cpu : cpu;
}

/** The previous CPU if it is idle, the first wholly idle core of its cache, any idle CPU there; else the previous one (select_idle_sibling_bt). */
function idleSibling(task: Task, prevCpu: u32): u32 {
  if (isOpen(prevCpu)) return prevCpu;
  const begin = llcBegin(prevCpu);
  const size = llcEnd(prevCpu) - begin;
  let found = -1;
  for (let i: u32 = 0; i < size; i++) {
    const cpu = begin + ((prevCpu - begin + i) % size);
    if (!isOpen(cpu) || !task.mayRunOn(cpu)) continue;
    if (coreIsOpen(cpu)) return cpu;
    if (found < 0) found = cpu;
  }
  return found < 0 ? prevCpu : <u32>found;
}

function coreIsOpen(thread: u32): bool {
  for (let cpu = coreBegin(thread); cpu < coreEnd(thread); cpu++) if (!isOpen(cpu)) return false;
  return true;
}

/** Domain by domain from the outside, as find_idlest_group_bt and find_idlest_cpu_bt do. */
function idlestForBt(task: Task, prevCpu: u32): u32 {
  let cpu = machine.thisCpu;
  for (let level = <i32>topology.nrLevels - 1; level >= 0; level--) {
    const sd = domainOf(cpu, level);
    const begin = idlestGroup(sd, task, cpu);
    if (begin < 0) continue;
    const next = idlestInGroup(<u32>begin, min(<u32>begin + sd.groupSize, sd.end), task, cpu);
    if (next >= 0) cpu = next;
  }
  return task.mayRunOn(cpu) ? cpu : prevCpu;
}

function btLoadOf(rq: Rq): u64 {
  return (rq.bt.weight << ageFactor(rq)) + (tunables.btLoadFair ? fairLoad(rq) : 0);
}

/** Where the idlest other group of a domain begins, or −1: the CPU's own is as good. Load is over CPUs on which BT can run. */
function idlestGroup(sd: SchedDomain, task: Task, here: u32): i32 {
  let idlest = -1;
  let least = u64.MAX_VALUE;
  let own: u64 = 0;
  for (let begin = sd.begin; begin < sd.end; begin += sd.groupSize) {
    const end = min(begin + sd.groupSize, sd.end);
    let load: u64 = 0;
    let capacity: u64 = 0;
    let allowed = false;
    for (let cpu = begin; cpu < end; cpu++) {
      const rq = rqOf(cpu);
      load += btLoadOf(rq);
      if (!hasStronger(rq) && !rq.bt.throttled) capacity += 1024;
      allowed = allowed || task.mayRunOn(cpu);
    }
    if (!allowed) continue;
    load = (load * 1024) / max(capacity, 1);
    if (here >= begin && here < end) {
      own = load;
    } else if (load < least) {
      least = load;
      idlest = begin;
    }
  }
  const bias = 100 + (sd.imbalancePct - 100) / 2;
  return idlest < 0 || 100 * own < bias * least ? -1 : idlest;
}

function idlestInGroup(begin: u32, end: u32, task: Task, here: u32): i32 {
  let idlest = -1;
  let least = u64.MAX_VALUE;
  for (let cpu = begin; cpu < end; cpu++) {
    const rq = rqOf(cpu);
    if (!task.mayRunOn(cpu) || rq.bt.throttled || hasStronger(rq)) continue;
    const load = btLoadOf(rq);
    if (load > least || (load == least && cpu != here)) continue;
    least = load;
    idlest = cpu;
  }
  return idlest;
}
