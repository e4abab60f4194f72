/**
 * The simulated kernel's only door: the harness reserves and fills an input buffer, sets up, runs, and reads what was observed.
 * Times cross as f64 nanoseconds, exact below 2⁵³.
 */
import { allocateBytes } from './base/arena';
import { Histogram } from './base/histogram';
import { failedTask, runUntil } from './loop';
import { useKernel } from './machine/kernels';
import { machine } from './machine/machine';
import { listsAreWhole } from './mm/check';
import { groupAt as memcgAt } from './mm/memcg';
import { counter, mm } from './mm/mm';
import { groupNumber, memoryNumber, zoneNumber } from './mm/observe';
import { qosNumber, rueNumber } from './mm/rue/observe';
import { recorderAt } from './observe/recorder';
import { trace } from './observe/trace';
import * as follow from './follow';
import * as replay from './replay';
import { chargeForcedIdle, endForcedIdle } from './sched/forced_idle';
import { psiNumber, readPsi } from './sched/psi_avgs';
import { rqAt, rqOf } from './sched/rq';
import { groupAt, nrGroups } from './sched/throttle';
import { calcDeltaFair } from './sched/virtual_time';
import { setUp } from './setup';
import { finishStop } from './virt/vcpu';
import { emptyPool, specAt } from './task/fork';
import { outOfMessages } from './task/message';
import { Task, taskAt } from './task/task';
import * as unknowns from './unknowns';

let input: usize = 0;

/** Space for the input buffer; returns its address. */
export function reserveInput(bytes: i32): usize {
  input = allocateBytes(bytes);
  return input;
}

/** Lays out the simulation that the input buffer describes. */
export function setup(seedLow: u32, seedHigh: u32): void {
  setUp(input, ((<u64>seedHigh) << 32) | seedLow);
}

/** Simulates up to and including `untilNs`; false if a program cannot go on. */
export function run(untilNs: f64): bool {
  return runUntil(<u64>untilNs);
}

/** Events handled so far. */
export function events(): f64 {
  return <f64>machine.events;
}

/** The declaration whose program cannot go on. */
export function failedSpec(): u32 {
  return failedTask.spec.index;
}

/** The declaration whose pool was empty when it forked; −1: its program made no progress. */
export function failedPool(): i32 {
  return emptyPool;
}

/** Whether more messages were sent than there is room for. */
export function failedMessages(): bool {
  return outOfMessages;
}

/** Whether a task needs a page that nobody can free, and nobody may be killed for it. */
export function failedMemory(): bool {
  return mm.hopeless;
}

/** Charges what runs now up to `untilNs`, so that CPU times add up. Called once, at the end. */
export function finish(untilNs: f64): void {
  const until = <u64>untilNs;
  assert(!mm.on || listsAreWhole());
  for (let index: u32 = 0; index < machine.allCpus; index++) {
    const rq = rqAt(index);
    const task = rq.curr;
    useKernel(rq.kernel);
    if (rq.vcpu != null) finishStop(rq.vcpu, until);
    const ran = until > task.switchedIn ? until - task.switchedIn : 0;
    if (task == rq.idle) rq.idleNs += ran;
    else task.spec.cpuNs += ran;
    if (task == rq.idle) endForcedIdle(rq, until);
    chargeForcedIdle(rq, until);
  }
}

/** A number observed of a task declaration; `what` in the order of SPEC_NUMBERS in src/kernel/observations.ts. */
export function specNumber(index: u32, what: u32): f64 {
  const spec = specAt(index);
  switch (what) {
    case 0:
      return <f64>spec.cpuNs;
    case 1:
      return <f64>spec.waitNs;
    case 2:
      return <f64>spec.voluntary;
    case 3:
      return <f64>spec.involuntary;
    case 4:
      return <f64>spec.wakeups;
    case 5:
      return <f64>spec.migrations;
    default:
      return <f64>spec.forcedIdleNs;
  }
}

/** A histogram of a task declaration: 0 wakeup latency, 1 run segment, 2 preempted wait. */
export function specHistogram(index: u32, what: u32): Histogram {
  const spec = specAt(index);
  return what == 0 ? spec.wakeupLatency : what == 1 ? spec.runSegment : spec.preemptedWait;
}

/** A number observed of a CPU, numbered over all kernels; `what` in the order of CPU_NUMBERS. */
export function cpuNumber(index: u32, what: u32): f64 {
  const rq = rqAt(index);
  switch (what) {
    case 0:
      return <f64>rq.idleNs;
    case 1:
      return <f64>rq.irqNs;
    case 2:
      return <f64>rq.switches;
    case 3:
      return <f64>rq.ticks;
    case 4:
      return <f64>rq.migrationsIn;
    default:
      return <f64>rq.forcedIdleNs;
  }
}

/** A number observed of a guest's CPU, numbered over all kernels; `what` in the order of VCPU_NUMBERS. */
export function vcpuNumber(index: u32, what: u32): f64 {
  const vcpu = rqAt(index).vcpu;
  switch (what) {
    case 0:
      return <f64>vcpu.haltedNs;
    case 1:
      return <f64>vcpu.stealNs;
    case 2:
      return <f64>vcpu.hostNs;
    case 3:
      return <f64>vcpu.exits;
    case 4:
      return <f64>vcpu.halts;
    default:
      return <f64>vcpu.polls;
  }
}

export function recorderHistogram(index: u32): Histogram {
  return recorderAt(index).histogram;
}

/** 0: time, 1: instance, 2: latency of a recorder's largest sample. */
export function recorderWorst(index: u32, what: u32): f64 {
  const recorder = recorderAt(index);
  return what == 0 ? <f64>recorder.worstAt : what == 1 ? <f64>recorder.worstInstance : <f64>recorder.worstNs;
}

/** Address of a recorder's ThreadSamples[]. */
export function recorderThreads(index: u32): usize {
  return recorderAt(index).threads;
}

/** Entries written to the trace ring, and its address. */
export function traceWritten(): f64 {
  return <f64>trace.written;
}

export function traceEntries(): usize {
  return trace.entries;
}

/** The declaration of a task id: scenario's own, then idle tasks, then stoppers. */
export function specOfTask(id: u32): u32 {
  return taskAt(id).spec.index;
}

// --- Pressure

/** Brings the pressure of the host and of its groups up to date, as reading their files does. */
export function readPressure(nowNs: f64): void {
  useKernel(rqAt(0).kernel);
  readPsi(machine.psi, <u64>nowNs);
  for (let i: u32 = 0; i < nrGroups(); i++) readPsi(groupAt(i).psi, <u64>nowNs);
}

/** A number of the pressure of a group (0: the machine), as of the last reading; `state` and `what` in the order of PRESSURE in src/kernel/pressure.ts. */
export function pressure(index: u32, state: u32, what: u32): f64 {
  return psiNumber(index == 0 ? machine.psi : groupAt(index - 1).psi, state, what);
}

// --- Memory

/** A counter of /proc/vmstat; `what` in the order of VMSTAT in src/kernel/memory.ts. */
export function vmstat(what: u32): f64 {
  return <f64>counter(what);
}

/** A number of a zone, of the machine's memory, or of a group (0: the root). */
export function zone(index: u32, what: u32): f64 {
  return zoneNumber(index, what);
}

export function memoryLevel(what: u32): f64 {
  return memoryNumber(what);
}

export function memcg(index: u32, what: u32): f64 {
  return groupNumber(memcgAt(index), what);
}

/** A number of RUE, or of what a group has of it (0: the root). */
export function rue(what: u32): f64 {
  return rueNumber(what);
}

export function qos(index: u32, what: u32): f64 {
  return qosNumber(index, what);
}

/** A histogram of the memory side; `what` in the order of MEMORY_HISTOGRAMS. */
export function memoryHistogram(what: u32): Histogram {
  switch (what) {
    case 0:
      return mm.freeAtWakeup;
    case 1:
      return mm.freeAtRunEnd;
    case 2:
      return mm.runNs;
    case 3:
      return mm.directNs;
    case 4:
      return mm.directPages;
    case 5:
      return mm.memcgNs;
    case 6:
      return mm.memcgPages;
    default:
      return mm.dirtyAtBalance;
  }
}

// --- Replay of a recorded history (replay.ts). Tasks are ids; an idle task is −1.

function taskOn(id: i32, cpu: u32): Task {
  return id < 0 ? rqOf(cpu).idle : taskAt(id);
}

export function replayChoose(id: i32, waker: u32, fork: bool, now: f64): u32 {
  return replay.choose(taskOn(id, 0), waker, fork, <u64>now);
}

export function replayWake(id: i32, cpu: u32, fork: bool, now: f64): void {
  replay.wake(taskOn(id, cpu), cpu, fork, <u64>now);
}

export function replayFork(id: i32, cpu: u32, now: f64): void {
  replay.fork(taskOn(id, cpu), cpu, <u64>now);
}

export function replayMigrate(id: i32, cpu: u32, now: f64): void {
  replay.migrate(taskOn(id, cpu), cpu, <u64>now);
}

export function replayTick(cpu: u32, now: f64): void {
  replay.tick(cpu, <u64>now);
}

/** Whether a tick's question hangs on less than `slack` ns. */
export function replayHangs(cpu: u32, now: f64, slack: f64): bool {
  return replay.hangs(cpu, <u64>now, <u64>slack);
}

export function replayLend(id: i32, slack: f64): bool {
  return unknowns.lend(taskOn(id, 0), <u64>slack);
}

export function replayDrain(id: i32, slack: f64): bool {
  return id >= 0 && unknowns.drain(taskOn(id, 0), <u64>slack);
}

export function replaySpend(id: i32, cpu: u32, over: f64): bool {
  return unknowns.spend(taskOn(id, 0), cpu, <u64>over);
}

export function replayServeFair(cpu: u32, now: f64): bool {
  return unknowns.serveFair(cpu, <u64>now);
}

export function replayStray(id: i32): void {
  unknowns.stray(taskOn(id, 0));
}

export function replayCharge(cpu: u32, ran: f64): void {
  replay.charge(cpu, <u64>ran);
}

export function replayRejoin(cpu: u32): void {
  replay.rejoin(cpu);
}

export function replayGiveWay(cpu: u32, now: f64): void {
  replay.giveWay(cpu, <u64>now);
}

export function replayPolicy(cpu: u32, policy: u32, nice: i32, prio: u32, now: f64): void {
  replay.changePolicy(cpu, <u8>policy, <i8>nice, <u8>prio, <u64>now);
}

export function replayReshare(group: u32, cpu: u32, shares: f64, now: f64): void {
  replay.reshare(groupAt(group), cpu, <u64>shares, <u64>now);
}

export function replayAsked(cpu: u32, now: f64): bool {
  return replay.asked(cpu, <u64>now);
}

/** From now on only charges let time pass for the runqueues. */
export function replayExact(): void {
  replay.setExact(true);
}

/** The id of the choice, −1: idle. */
export function replayPick(cpu: u32, prevState: u32, now: f64): i32 {
  const next = replay.pick(cpu, prevState, <u64>now);
  return next == rqOf(cpu).idle ? -1 : <i32>next.id;
}

export function replayForce(cpu: u32, id: i32): void {
  replay.force(cpu, taskOn(id, cpu));
}

// Virtual times of two tasks that may compete, in ns; Infinity if they do not (follow.ts).

export function replayLaterThan(id: i32, other: i32): f64 {
  return id < 0 || other < 0 ? Infinity : follow.laterThan(taskAt(id), taskAt(other));
}

export function replayBeyondEligible(id: i32, other: i32): f64 {
  return id < 0 || other < 0 ? Infinity : follow.beyondEligible(taskAt(id), taskAt(other));
}

export function replayKeepsTurn(id: i32, other: i32): bool {
  return follow.keepsTurn(taskAt(id), taskAt(other));
}

export function replayMayCutShort(id: i32, other: i32): bool {
  return id >= 0 && other >= 0 && follow.mayCutShort(taskAt(id), taskAt(other));
}

export function replayMostAhead(id: i32, other: i32, woke: bool): f64 {
  return id < 0 || other < 0 ? Infinity : follow.mostAhead(taskAt(id), taskAt(other), woke);
}

export function replayRunningTime(id: i32, other: i32, virtualNs: f64): f64 {
  return follow.runningTime(taskAt(id), taskAt(other), virtualNs);
}

export function replayShift(id: i32, other: i32, virtualNs: f64): void {
  follow.shift(taskAt(id), taskAt(other), <i64>virtualNs);
}

/** Whether a task is on a queue, or idle. */
export function replayQueued(id: i32): bool {
  return id < 0 || taskOn(id, 0).onRq;
}

/** Runnable tasks of a CPU, the running one included. */
export function replayRunnable(cpu: u32): u32 {
  return rqOf(cpu).nrRunning;
}

/** Virtual time that `ran` ns are for a task (calc_delta_fair). */
export function replayVirtual(id: i32, ran: f64): f64 {
  return <f64>calcDeltaFair(<u64>ran, taskOn(id, 0));
}

/** A task's vruntime, low or high word. */
export function replayVruntime(id: i32, high: bool): u32 {
  const vruntime = taskOn(id, 0).vruntime;
  return <u32>(high ? vruntime >> 32 : vruntime);
}

/** Gives a task that has never run its recorded vruntime, and its queue the recorded min_vruntime. */
export function replayPlace(id: i32, low: u32, high: u32, minLow: u32, minHigh: u32): void {
  const task = taskOn(id, 0);
  task.vruntime = ((<u64>high) << 32) | low;
  replay.placeQueue(task, ((<u64>minHigh) << 32) | minLow);
}
