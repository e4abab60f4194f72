/**
 * Core scheduling (kernel/sched/core.c pick_next_task under CONFIG_SCHED_CORE, fair.c cfs_prio_less and task_tick_core, of 6.1): at any
 * time the threads of a core run tasks of one cookie only. Whoever schedules picks for the whole core: the strongest of all threads'
 * choices says which cookie, and a thread without a task of that cookie is forced to be idle.
 *
 * A task without a cookie has cookie 0, which matches nothing but 0. Which CPUs suit a cookie is in sched/cookie.ts.
 */
import { machine } from '../machine/machine';
import { Task } from '../task/task';
import { schedSlice } from './cfs';
import { classAt, classOf, Flags, Rank } from './class';
import { findCookie, isThrottled, NOBODY } from './cookie';
import { balanceClasses, guardedBtFirst } from './core';
import { DlEntity, timeBefore } from './dl_entity';
import { SchedEntity } from './entity';
import { chargeForcedIdle, noteForcedIdle } from './forced_idle';
import { coreBegin, coreEnd } from './masks';
import { Rq, rqOf, updateRqClock } from './rq';
import { reschedCurr } from './wake';

const NONE: Task = changetype<Task>(0);
/** A forced idle thread has at least one task, too: a slice is shared by so many (MIN_NR_TASKS_DURING_FORCEIDLE). */
const TASKS_DURING_FORCED_IDLE: u64 = 2;

/** The task that the CPU runs next, its sibling threads' choices made with it. */
export function pickForCore(rq: Rq, prev: Task): Task {
  const core = rq.core;
  const made = rq.corePick;
  if (made != null && core.pickSeq == core.taskSeq && core.pickSeq != rq.pickedSeq && !isThrottled(rq, made)) {
    // A sibling has picked for this thread, and nobody has come or gone since.
    rq.pickedSeq = core.pickSeq;
    rq.corePick = NONE;
    if (made != prev) {
      classOf(prev).putPrevTask(rq, prev);
      takeOut(rq, made);
    }
    return made;
  }
  balanceClasses(rq, prev);
  classOf(prev).putPrevTask(rq, prev);
  const wasForced = core.forcedIdle != 0;
  const wasTagged = core.cookie != 0;
  if (wasForced) chargeForcedIdle(rq, machine.now);
  core.cookie = 0;
  core.forcedIdle = 0;
  core.taskSeq++;
  rq.corePick = NONE;
  if (!wasForced && !wasTagged) {
    // Nearly always nobody on the core has a cookie.
    const own = pickTask(rq);
    if (own.cookie == 0) {
      noteVruntime(own, false);
      takeOut(rq, own);
      return own;
    }
  }
  const strongest = proposeAll(rq, wasForced);
  matchAll(rq, strongest.cookie, wasForced);
  const next = rq.corePick;
  tellAll(rq, wasForced);
  takeOut(rq, next);
  return next;
}

/** Every thread's own choice is its corePick; returns the strongest, the picking thread's first. */
function proposeAll(rq: Rq, wasForced: bool): Task {
  const begin = coreBegin(rq.id);
  let strongest = NONE;
  for (let i: u32 = 0; i < machine.threadsPerCore; i++) {
    const thread = rqOf(begin + ((rq.id - begin + i) % machine.threadsPerCore));
    if (thread != rq) updateRqClock(thread);
    const pick = pickTask(thread);
    thread.corePick = pick;
    if (strongest == null || isWeaker(strongest, pick, wasForced)) strongest = pick;
  }
  return strongest;
}

/** Whoever does not match the core's cookie makes room for one who does, or for the idle task. */
function matchAll(rq: Rq, cookie: u32, wasForced: bool): void {
  const core = rq.core;
  core.cookie = cookie;
  core.occupied = 0;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) {
    const thread = rqOf(cpu);
    let pick = thread.corePick;
    if (pick != thread.idle && pick.cookie != cookie) {
      // Tasks without a cookie are on no list of their own: the kernel does not look for a second one.
      pick = cookie != 0 ? findCookie(thread, cookie, NOBODY) : NONE;
      if (pick == null) pick = thread.idle;
      thread.corePick = pick;
    }
    if (pick != thread.idle) {
      core.occupied++;
    } else if (thread.nrRunning != 0) {
      core.forcedIdle++;
      if (!wasForced) core.forcedIdleSeq++;
    }
  }
  core.pickSeq = core.taskSeq;
  core.forcedSince = machine.now;
  rq.pickedSeq = core.pickSeq;
}

/** Threads whose task changes are asked to reschedule. */
function tellAll(rq: Rq, wasForced: bool): void {
  const core = rq.core;
  const isForced = core.forcedIdle != 0;
  for (let cpu = coreBegin(rq.id); cpu < coreEnd(rq.id); cpu++) {
    const thread = rqOf(cpu);
    const pick = thread.corePick;
    // While forced idle lasts, virtual times are compared as of its begin.
    if (!wasForced || !isForced) noteVruntime(pick, isForced);
    pick.coreOccupied = core.occupied;
    noteForcedIdle(thread, pick == thread.idle && thread.nrRunning != 0);
    if (thread == rq || thread.curr == pick) thread.corePick = NONE;
    else reschedCurr(thread);
  }
}

/** The strongest task of a CPU, left where it is (pick_task). */
function pickTask(rq: Rq): Task {
  if (guardedBtFirst(rq)) {
    const boosted = classAt(Rank.BT).pickTask(rq);
    if (boosted != null) return boosted;
    rq.bt.boosted = false;
  }
  for (let rank: u8 = 0; rank < Rank.IDLE; rank++) {
    const task = classAt(rank).pickTask(rq);
    if (task != null) return task;
  }
  return rq.idle;
}

function takeOut(rq: Rq, next: Task): void {
  classOf(next).setNextTask(rq, next);
  rq.pickedExec = next.sumExec;
}

/** Whether the choice `a` of one thread must give way to the choice `b` of another (prio_less). */
function isWeaker(a: Task, b: Task, isForced: bool): bool {
  const strengthA = strength(a);
  const strengthB = strength(b);
  if (strengthA != strengthB) return strengthA > strengthB;
  const dl = reservation(a);
  if (dl != null) return !timeBefore(dl.deadline, reservation(b).deadline);
  return (a.rank == Rank.FAIR || a.rank == Rank.BT) && isBehind(a, b, isForced);
}

/** Class first, priority within it; less is stronger. BT that the guard lets go first stands before fair. */
function strength(task: Task): u32 {
  if (reservation(task) != null) return (<u32>Rank.DEADLINE) << 8;
  if (task.rank == Rank.BT && guardedBtFirst(rqOf(task.cpu))) return ((<u32>Rank.FAIR) << 8) - 1;
  return ((<u32>task.rank) << 8) | (task.rank < Rank.FAIR ? task.prio : 0);
}

/** The deadline entity by which a choice was made: its own, or that of the server that runs it; null: none. */
function reservation(task: Task): DlEntity {
  if (task.rank == Rank.DEADLINE) return task.dl;
  const first = task.rank == Rank.FAIR ? rqOf(task.cpu).dl.first : changetype<DlEntity>(0);
  return first != null && first.isServer ? first : changetype<DlEntity>(0);
}

/** Whether `a` has had more than `b`, in virtual time since their queues of a common group were noted (cfs_prio_less). */
export function isBehind(a: Task, b: Task, isForced: bool): bool {
  let seA = changetype<SchedEntity>(a);
  let seB = changetype<SchedEntity>(b);
  while (seA.cfsRq.group != seB.cfsRq.group) {
    const depthA = seA.depth;
    const depthB = seB.depth;
    if (depthA >= depthB) seA = seA.parent_;
    if (depthA <= depthB) seB = seB.parent_;
  }
  const seq = rqOf(a.cpu).core.forcedIdleSeq;
  noteQueues(seA, seq, isForced);
  noteQueues(seB, seq, isForced);
  const ahead = <i64>(seA.vruntime - seB.vruntime);
  return ahead + <i64>(seB.cfsRq.minVruntimeForced - seA.cfsRq.minVruntimeForced) > 0;
}

/** Keeps where a task's queues stand, once each while forced idle lasts (task_vruntime_update). */
function noteVruntime(task: Task, isForced: bool): void {
  if (task.rank == Rank.FAIR || task.rank == Rank.BT) noteQueues(task, rqOf(task.cpu).core.forcedIdleSeq, isForced);
}

/** se_fi_update */
function noteQueues(entity: SchedEntity, seq: u32, isForced: bool): void {
  for (let se = entity; se != null; se = se.parent_) {
    const q = se.cfsRq;
    if (isForced) {
      if (q.forcedIdleSeq == seq) return;
      q.forcedIdleSeq = seq;
    }
    q.minVruntimeForced = q.minVruntime;
  }
}

/** A task has left a CPU: a thread that was forced to be idle may now be so because it has nothing to run (sched_core_dequeue). */
export function leftCore(rq: Rq, flags: u32): void {
  rq.core.taskSeq++;
  if ((flags & Flags.SAVE) != 0 || rq.nrRunning != 0 || rq.curr != rq.idle) return;
  noteForcedIdle(rq, false);
  if (rq.core.forcedIdle != 0) reschedCurr(rq);
}

/** From the tick: a task that is alone on its thread shares its slice with the one that it keeps a sibling from (task_tick_core). */
export function tickCore(rq: Rq): void {
  if (rq.core.forcedIdle == 0) return;
  const task = rq.curr;
  // BT is no class of Linux: ours is treated as fair.
  if (task.rank != Rank.FAIR && task.rank != Rank.BT) return;
  if ((task.rank == Rank.FAIR ? rq.cfs.nrRunning : rq.bt.nrRunning) != 1) return;
  const slice = task.cfsRq.eevdf ? task.slice : schedSlice(task.cfsRq, task);
  if ((task.sumExec - rq.pickedExec) * TASKS_DURING_FORCED_IDLE > slice) reschedCurr(rq);
}
