/**
 * Memory steps of task programs. An operation is a touch of an anonymous page, or a read or write of some pages of a file; what it waits for on its
 * way (a page, a charge, reclaim, a device) is a phase, and between two phases time may pass.
 *
 *   NEXT ─ hits and pages at hand: a batch of equal operations, one segment of work
 *     └─ FAULT, READ or WRITE ─ GET_PAGE ─ DIRECT ─ CHARGE ─ MEMCG ─ placed ─ … ─ HIGH ─ FINISH ─ NEXT
 *
 * Pages of a batch are taken at its begin: they lie in the CPU's own lists, which nobody else sees. Its operations are measured one by
 * one, whatever interrupts them.
 */
import { machine } from '../machine/machine';
import { record } from '../observe/recorder';
import { Rq } from '../sched/rq';
import { Instruction, programs } from '../task/instruction';
import { State, Task } from '../task/task';
import { batch } from './batch';
import { charge, endMemcg } from './charge';
import { fault, place, swappedIn } from './fault';
import { endDirect, getPage, retryPage } from './get_page';
import { costs, mm } from './mm';
import { beginAlloc, compactDirect, endAllocReclaim, endCompact, releaseKept } from './order/alloc';
import { Access, pass, Phase, reclaiming } from './phase';
import { read, readahead, submitChain } from './read';
import { endDue, noteAllocations, payDue } from './rue/charged';
import { mmOf, viewAt } from './task_mm';
import { beginHigh, closeStall, endHigh } from './throttle_high';
import { freeView } from './unmap';
import { write } from './write';
import { balanceDirtyPages } from './writeback/balance';
import { wbAt } from './writeback/wb';
import { totalFree } from './zone';

/** So many turns an operation may take without time: far more than the longest read has pages. */
const MAX_TURNS: u32 = 1 << 24;

/** Goes on with a memory step. True: the thread has work or sleeps, or makes no progress (`mm.stuck`); false: the step is done. */
export function memoryStep(rq: Rq, task: Task, step: Instruction): bool {
  const m = mmOf(task);
  const view = viewAt(m, step.a);
  if (m.phase == Phase.IDLE) {
    m.opsLeft = step.c == Access.FILL ? u64.MAX_VALUE : step.x;
    m.recorder = step.b;
    m.phase = step.c == Access.FREE ? Phase.FREEING : step.c == Access.RELEASE ? Phase.RELEASING : Phase.NEXT;
  }
  if (m.stallOpen) closeStall(m);
  for (let turns: u32 = 0; !mm.hopeless; turns++) {
    if (turns == MAX_TURNS) {
      mm.stuck = true;
      break;
    }
    switch (m.phase) {
      case Phase.NEXT:
        turns = 0;
        if (m.killed) {
          m.phase = Phase.IDLE;
          task.pc = programs.exitPc;
          return true;
        }
        if (m.opsLeft == 0 || (step.c == Access.FILL && totalFree() <= step.x)) {
          m.phase = Phase.IDLE;
          return false;
        }
        if (step.c < Access.WRITE && batch(rq, task, m, view, step)) return true;
        m.beganAt = machine.now;
        m.pagesDone = 0;
        m.costNs = 0;
        m.phase = firstPhase(step.c);
        break;
      case Phase.FAULT:
        fault(m, view, task);
        if (task.state != State.RUNNING) return true;
        break;
      case Phase.READ:
        if (read(rq, task, m, view, step)) return true;
        break;
      case Phase.READAHEAD:
        // Every allocation is a point at which a voluntarily preemptible kernel gives way (might_alloc).
        if (rq.needResched && m.costNs != 0) return pass(task, m, Phase.READAHEAD);
        readahead(m, view.region);
        break;
      case Phase.SUBMIT:
        if (m.chain != null) m.costNs += costs.ioNs;
        if (pass(task, m, Phase.SENDING)) return true;
        break;
      case Phase.SENDING:
        if (submitChain(rq, task, m, view.region)) return true;
        if (pass(task, m, Phase.READ)) return true;
        break;
      case Phase.WRITE:
        if (write(rq, task, m, view, step)) return true;
        break;
      case Phase.BALANCE:
        if (balanceDirtyPages(rq, task, m, wbAt(view.region.device))) return true;
        break;
      case Phase.GET_PAGE:
        getPage(rq, m);
        break;
      case Phase.RETRY:
        retryPage(rq, m);
        break;
      case Phase.DIRECT:
        // It gives way, stalled, before it begins, and between batches (__perform_reclaim's cond_resched).
        if (rq.needResched || reclaiming(rq, task, m)) return true;
        endDirect(rq, m);
        break;
      case Phase.CHARGE:
        charge(rq, m);
        break;
      case Phase.MEMCG:
        if (reclaiming(rq, task, m)) return true;
        endMemcg(rq, task, m);
        // Whoever was killed goes first.
        if (rq.needResched) return true;
        break;
      case Phase.PLACE:
        if (place(rq, task, m, view, step)) return true;
        break;
      case Phase.SWAPPED_IN:
        if (swappedIn(rq, task, m, view)) return true;
        break;
      case Phase.HIGH:
        if (m.due != 0) {
          m.phase = Phase.DUE;
          break;
        }
        if (beginHigh(m)) break;
        m.phase = Phase.FINISH;
        break;
      case Phase.HIGH_RECLAIM:
        if (reclaiming(rq, task, m)) return true;
        if (endHigh(rq, task, m)) return true;
        break;
      case Phase.DUE:
        if (payDue(rq, task, m)) return true;
        break;
      case Phase.DUE_RECLAIM:
        if (reclaiming(rq, task, m)) return true;
        if (endDue(rq, task, m)) return true;
        break;
      case Phase.FINISH:
        if (m.group.qos != 0 && step.c == Access.TOUCH) noteAllocations(m.group, machine.now - m.beganAt, 1);
        if (m.recorder != 0) record(task, m.recorder - 1, machine.now - m.beganAt);
        m.opsLeft--;
        m.phase = Phase.NEXT;
        break;
      case Phase.FREEING:
        if (freeView(rq, task, m, view)) return true;
        break;
      case Phase.ALLOC:
        beginAlloc(rq, m, step);
        break;
      case Phase.COMPACT:
        if (compactDirect(task, m)) return true;
        break;
      case Phase.COMPACTED:
        endCompact(rq, m);
        break;
      case Phase.ALLOC_RECLAIM:
        if (rq.needResched || reclaiming(rq, task, m)) return true;
        endAllocReclaim(rq, m);
        break;
      case Phase.ALLOCATED:
        if (pass(task, m, Phase.HIGH)) return true;
        break;
      case Phase.RELEASING:
        m.phase = Phase.IDLE;
        return releaseKept(rq, task, m);
      default:
        return unreachable();
    }
  }
  return true;
}

/** Where an operation begins. */
function firstPhase(access: u32): u32 {
  switch (access) {
    case Access.TOUCH:
      return Phase.FAULT;
    case Access.WRITE:
      return Phase.WRITE;
    case Access.ALLOC:
      return Phase.ALLOC;
    default:
      return Phase.READ;
  }
}
