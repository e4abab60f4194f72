/**
 * Set-up of what runs: cgroups, programs, tasks and recorders.
 */
import { allocate, allocateArray, allocateBytes, at } from '../base/arena';
import { newHistogram } from '../base/histogram';
import { Distribution, nextBits, streamState } from '../base/random';
import { enterIdle } from '../machine/cpu';
import { programClockevent, startTimer } from '../machine/hrtimer';
import { initHrTimer, newHrTimer, TimerKind } from '../machine/timer';
import { machine } from '../machine/machine';
import { Recorder, setRecorders, ThreadSamples } from '../observe/recorder';
import { Rank } from '../sched/class';
import { setIdle } from '../sched/core';
import { MIN_RUNTIME_NS } from '../sched/bandwidth';
import { newDlEntity, setReservation } from '../sched/cbs';
import { Bandwidth, CfsRq, GROUP_ENTITY_BYTES, TaskGroup } from '../sched/entity';
import { entityOf, queueOf } from '../sched/group';
import { masks, setBit } from '../sched/masks';
import { newPsiGroup } from '../sched/psi_avgs';
import { Rq, rqAt, rqOf } from '../sched/rq';
import { setParams, yields } from '../sched/setscheduler';
import { setGroups } from '../sched/throttle';
import { tunables } from '../sched/tunables';
import { NICE_0_LOAD } from '../sched/weight';
import { GroupTable, Header, InstructionTable, RecorderTable, rowAt, SpecTable, WaitQueueTable } from '../tables';
import { setSpecs, specAt } from '../task/fork';
import { newHand } from '../task/message';
import { Instruction, programs } from '../task/instruction';
import { newTasks, Policy, Spec, State, Task, taskAt } from '../task/task';
import { WaitQueue } from '../task/wait';
import { newVcpu } from '../virt/vcpu';
import { FIRST_VRUNTIME, newAvg, startAvg } from './machine';

/** A vruntime so long past that placement alone decides where a task comes in that has slept until now. */
const LONG_AGO: u64 = 1 << 50;

let groups: usize = 0;
let masksBegin: usize = 0;
let everyCpu: usize = 0;
let nrTasks: u32 = 0;
let nrSpecs: u32 = 0;
/** Tasks read so far. */
let tasksRead: u32 = 0;

/** Affinity masks, as 32-bit words. */
export function readMasks(numbers: usize, count: u32): void {
  const words = count * masks.words;
  masksBegin = allocateBytes(words << 3);
  for (let i: u32 = 0; i < words; i++) {
    const low = <u64>load<f64>(numbers + (i << 4));
    const high = <u64>load<f64>(numbers + (i << 4) + 8);
    store<u64>(masksBegin + (i << 3), low | (high << 32));
  }
  everyCpu = allocateBytes(masks.words << 3);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) setBit(everyCpu, cpu);
}

/** `madeNs`: when they were made. `stream`: state of the kernel's own random draws. */
export function readGroups(tables: usize, count: u32, madeNs: u64, stream: usize): void {
  groups = allocateArray<TaskGroup>(count);
  setGroups(groups, count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<GroupTable>(tables, i);
    const group = at<TaskGroup>(groups, i);
    group.shares = <u64>table.shares;
    group.idle = table.idle != 0;
    if (table.quotaNs >= 0) group.bandwidth = newBandwidth(table, stream);
    if (table.parent >= 0) group.parent = at<TaskGroup>(groups, <u32>table.parent);
    if (machine.psi != null) group.psi = newPsiGroup(group.parent != null ? group.parent.psi : machine.psi, madeNs);
    layOutQueues(group, false);
    // Parents come before their children.
    group.bt = allocate<TaskGroup>();
    group.bt.shares = <u64>table.btShares;
    group.bt.isBt = true;
    if (group.parent != null) group.bt.parent = group.parent.bt;
    layOutQueues(group.bt, true);
  }
}

/** A group's entity and queue on every CPU, in the fair or in the BT class. */
function layOutQueues(group: TaskGroup, isBt: bool): void {
  group.entities = allocateBytes(<usize>machine.nrCpus * GROUP_ENTITY_BYTES);
  group.queues = allocateArray<CfsRq>(machine.nrCpus);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const queue = queueOf(group, cpu);
    queue.cpu = cpu;
    queue.group = group;
    queue.minVruntime = FIRST_VRUNTIME;
    queue.augmented = tunables.eevdf && !isBt;
    queue.avg = newAvg();
    // Its tasks have run, and left what a queue keeps when it runs empty.
    if (group.bandwidth != null) queue.runtimeRemaining = MIN_RUNTIME_NS;
    const se = entityOf(group, cpu);
    se.myQ = queue;
    se.weight = group.shares;
    se.idle = group.idle;
    se.slice = tunables.baseSliceNs;
    startAvg(se.avg);
    queue.entity = se;
    if (group.parent == null) {
      se.cfsRq = isBt ? rqOf(cpu).bt : rqOf(cpu).cfs;
    } else {
      se.cfsRq = queueOf(group.parent, cpu);
      se.parent_ = entityOf(group.parent, cpu);
      se.depth = se.parent_.depth + 1;
    }
  }
}

function newBandwidth(table: GroupTable, stream: usize): Bandwidth {
  const bandwidth = allocate<Bandwidth>();
  bandwidth.quotaNs = <u64>table.quotaNs;
  bandwidth.periodNs = <u64>table.periodNs;
  bandwidth.burstNs = <u64>table.burstNs;
  bandwidth.runtimeNs = bandwidth.quotaNs;
  if (table.phaseNs >= 0) bandwidth.offsetNs = (machine.bootNs + <u64>table.phaseNs) % bandwidth.periodNs;
  else if (tunables.eevdf) bandwidth.offsetNs = nextBits(stream) % bandwidth.periodNs;
  bandwidth.period = newHrTimer(TimerKind.CFS_PERIOD, changetype<usize>(bandwidth));
  bandwidth.slack = newHrTimer(TimerKind.CFS_SLACK, changetype<usize>(bandwidth));
  return bandwidth;
}

export function readPrograms(waitQueues: usize, header: Header, instructions: usize, distributions: usize): void {
  programs.sharedTimers = allocateBytes((<usize>header.sharedTimers) << 3);
  programs.waitQueues = allocateArray<WaitQueue>(<u32>header.waitQueues);
  programs.nrWaitQueues = <u32>header.waitQueues;
  programs.exitPc = <u32>header.exitPc;
  for (let i: u32 = 0; i < <u32>header.waitQueues; i++) {
    const table = rowAt<WaitQueueTable>(waitQueues, i);
    const queue = at<WaitQueue>(programs.waitQueues, i);
    queue.size = <u32>table.size;
    queue.shared = table.shared != 0;
  }
  programs.instructions = allocateArray<Instruction>(<u32>header.instructions);
  for (let i: u32 = 0; i < <u32>header.instructions; i++) {
    const table = rowAt<InstructionTable>(instructions, i);
    const instruction = at<Instruction>(programs.instructions, i);
    instruction.op = <u32>table.op;
    instruction.a = <u32>table.a;
    instruction.b = <u32>table.b;
    instruction.c = <u32>table.c;
    if (table.distribution >= 0) instruction.duration = at<Distribution>(distributions, <u32>table.distribution);
    instruction.x = <u64>table.x;
    instruction.y = <i64>table.y;
    instruction.z = <u64>table.z;
  }
}

/** Space for all declarations and tasks. */
export function newSpecs(header: Header): void {
  nrSpecs = <u32>header.specs;
  nrTasks = <u32>header.tasks;
  tasksRead = 0;
  // Two more declarations, for the idle tasks and the stoppers.
  setSpecs(allocateArray<Spec>(nrSpecs + 2));
  // The tasks of all scenarios, then an idle task and a stopper a CPU.
  newTasks(nrTasks + 2 * machine.allCpus);
  newSpec(nrSpecs, machine.allCpus, nrTasks);
  newSpec(nrSpecs + 1, machine.allCpus, nrTasks + machine.allCpus);
}

/** The declarations of the kernel at work. */
export function readSpecs(tables: usize, first: u32, count: u32, seed: u64): void {
  for (let index = first; index < first + count; index++) {
    const table = rowAt<SpecTable>(tables, index);
    newSpec(index, <u32>table.count, tasksRead);
    const spec = specAt(index);
    spec.kernel = machine.kernel;
    spec.policy = <u8>table.policy;
    spec.nice = <i8>table.nice;
    spec.prio = <u8>table.prio;
    spec.program = <u32>table.program;
    spec.pool = table.pool != 0;
    spec.cookie = <u32>table.cookie;
    spec.threads = <u32>table.threads;
    for (let instance: u32 = 0; instance < spec.count; instance++) readTask(table, spec, instance, tasksRead++, seed);
  }
}

function newSpec(index: u32, count: u32, firstTask: u32): void {
  const spec = specAt(index);
  spec.index = index;
  spec.count = count;
  spec.firstTask = firstTask;
  spec.wakeupLatency = newHistogram();
  spec.runSegment = newHistogram();
  spec.preemptedWait = newHistogram();
}

function readTask(table: SpecTable, spec: Spec, instance: u32, id: u32, seed: u64): void {
  const task = taskAt(id);
  task.id = id;
  task.spec = spec;
  startAvg(task.avg);
  if (table.sliceNs > 0) {
    task.customSlice = true;
    task.slice = <u32>table.sliceNs;
  }
  task.ownSlack = table.timerSlackNs >= 0;
  if (task.ownSlack) task.timerSlackNs = <u64>table.timerSlackNs;
  setParams(task, spec.policy, spec.nice, spec.prio);
  if (table.mayBeDeadline != 0) task.dl = newDlEntity(task, changetype<Rq>(0));
  if (task.rank == Rank.DEADLINE) {
    setReservation(task.dl, <u64>table.dlRuntimeNs, <u64>table.dlDeadlineNs, <u64>table.dlPeriodNs);
  }
  if (table.group >= 0) task.group = at<TaskGroup>(groups, <u32>table.group);
  task.yields = yields(task);
  let mask = table.mask < 0 ? everyCpu : masksBegin + <u32>table.mask * (masks.words << 3);
  let allowed: u32 = 0;
  for (let i: u32 = 0; i < masks.words; i++) allowed += <u32>popcnt(load<u64>(mask + (i << 3)));
  const pinned = table.pinEach != 0;
  task.cpu = table.startCpu >= 0 ? <u32>table.startCpu : nthCpu(mask, (pinned ? instance : id) % allowed);
  task.placed = table.startCpu >= 0;
  if (pinned) {
    mask = allocateBytes(masks.words << 3);
    setBit(mask, task.cpu);
    allowed = 1;
  }
  task.cpusAllowed = mask;
  task.nrCpusAllowed = <u16>allowed;
  // Where it last slept, so to speak: its vruntime is that queue's.
  const rq = rqOf(task.cpu);
  const isBt = task.rank == Rank.BT;
  if (task.group != null) task.cfsRq = queueOf(isBt ? task.group.bt : task.group, task.cpu);
  else task.cfsRq = isBt ? rq.bt : rq.cfs;
  if (tunables.eevdf && !isBt && !isNaN(table.startLagNs)) task.vlag = <i64>table.startLagNs;
  task.vruntime = FIRST_VRUNTIME - (table.startLagNs >= 0 ? <u64>table.startLagNs : LONG_AGO);
  if (!task.customSlice) task.slice = tunables.baseSliceNs;
  if (table.timers != 0) task.timers = allocateBytes((<usize>table.timers) << 3);
  if (table.loops != 0) task.loops = allocateBytes((<usize>table.loops) << 2);
  store<u64>(task.streamState, streamState(seed, <u64>table.nameHash, instance));
  initHrTimer(task.timer, TimerKind.WAKE, changetype<usize>(task));
  if (table.firstVcpu >= 0) task.vcpu = newVcpu(task, rqAt(<u32>table.firstVcpu + instance));
  task.pc = spec.program;
  task.cookie = spec.cookie;
  if (table.carries != 0) task.hand = newHand();
  // It has been asleep until its start, or waits in its pool.
  task.state = spec.pool ? State.DEAD : State.SLEEPING;
  if (spec.pool) {
    task.waitNext = spec.free;
    spec.free = task;
  } else {
    startTimer(rqOf(task.cpu), task.timer, <u64>table.startNs, 0);
  }
}

/** The n-th CPU of a mask. */
function nthCpu(mask: usize, n: u32): u32 {
  let left = n;
  let word: u32 = 0;
  let bits = load<u64>(mask);
  while (<u32>popcnt(bits) <= left) {
    left -= <u32>popcnt(bits);
    word++;
    bits = load<u64>(mask + (word << 3));
  }
  for (; left > 0; left--) bits &= bits - 1;
  return (word << 6) + <u32>ctz(bits);
}

export function readRecorders(tables: usize, count: u32): void {
  const recorders = allocateArray<Recorder>(count);
  setRecorders(recorders);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<RecorderTable>(tables, i);
    const spec = specAt(<u32>table.spec);
    const recorder = at<Recorder>(recorders, i);
    recorder.histogram = newHistogram();
    recorder.firstTask = spec.firstTask;
    recorder.binsUs = <u32>table.binsUs;
    if (recorder.binsUs == 0) continue;
    recorder.threads = allocateArray<ThreadSamples>(spec.count);
    for (let instance: u32 = 0; instance < spec.count; instance++) {
      const thread = at<ThreadSamples>(recorder.threads, instance);
      thread.minUs = u64.MAX_VALUE;
      thread.bins = allocateBytes(recorder.binsUs << 2);
    }
  }
}

/** Every CPU starts idle, with its first timers programmed. */
export function startCpus(): void {
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    rq.idle = kernelTask(nrTasks + rq.index, nrSpecs, cpu, Rank.IDLE);
    rq.stop = kernelTask(nrTasks + machine.allCpus + rq.index, nrSpecs + 1, cpu, Rank.STOP);
    rq.stop.state = State.SLEEPING;
    rq.curr = rq.idle;
    setIdle(rq);
    enterIdle(rq, 0);
    programClockevent(rq, 0);
  }
}

function kernelTask(id: u32, specIndex: u32, cpu: u32, rank: u8): Task {
  const task = taskAt(id);
  task.id = id;
  task.spec = specAt(specIndex);
  task.cpu = cpu;
  task.policy = Policy.FIFO;
  task.rank = rank;
  task.weight = NICE_0_LOAD;
  task.nrCpusAllowed = 1;
  task.cpusAllowed = allocateBytes(masks.words << 3);
  setBit(task.cpusAllowed, cpu);
  return task;
}
