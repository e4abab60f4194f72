/**
 * Set-up: lays the whole simulation out in the arena from the input buffer. Nothing allocates afterwards.
 */
import { allocate, allocateArray, allocateBytes, at } from './base/arena';
import { newHistogram } from './base/histogram';
import { Distribution, streamState } from './base/random';
import { RbTree } from './base/rbtree';
import { Event, newEvent } from './base/wheel';
import { armNoise, IdleState, NoiseSource } from './machine/cpu';
import { HrTimer, initHrTimer, newHrTimer, programClockevent, startTimer, TimerKind } from './machine/hrtimer';
import { EventKind, machine, newMachine } from './machine/machine';
import { Recorder, setRecorders, ThreadSamples } from './observe/recorder';
import { newTrace } from './observe/trace';
import { BtClass } from './sched/bt';
import { Rank, register } from './sched/class';
import { setIdle } from './sched/core';
import { CfsRq, SchedEntity, TaskGroup } from './sched/entity';
import { FairClass } from './sched/fair';
import { entityOf, queueOf } from './sched/group';
import { IdleClass } from './sched/idle';
import { newMasks, setBit } from './sched/masks';
import { newPrioArray } from './sched/prio_array';
import { BtRq, Rq, rqOf, RtRq, VmfRq } from './sched/rq';
import { RtClass } from './sched/rt';
import { setParams } from './sched/setscheduler';
import { StopClass } from './sched/stop';
import { newTunables, tunables } from './sched/tunables';
import { VMF_PRIORITIES, VmfClass } from './sched/vmf';
import { NICE_0_LOAD } from './sched/weight';
import {
  DistributionTable,
  GroupTable,
  Header,
  IdleStateTable,
  InstructionTable,
  KernelTable,
  MachineTable,
  NoiseTable,
  Reader,
  RecorderTable,
  rowAt,
  SpecTable,
  WaitQueueTable,
} from './tables';
import { setSpecs, specAt } from './task/fork';
import { Instruction, Programs, setPrograms } from './task/program';
import { Policy, Spec, State, Task } from './task/task';
import { WaitQueue } from './task/wait';

/** All queues start here, so that vruntime wraps early in every simulation if it ever does (init_cfs_rq). */
const FIRST_VRUNTIME: u64 = <u64>-(1 << 20);
const RT_PRIORITIES: u32 = 100;
/** Events that one instant may have at most: any task may have a few. */
const EVENTS_NOW: u32 = 100_000;
const EVENTS_NOW_PER_TASK: u32 = 16;
/** RT runtime of −1 in the table: no throttling. */
const UNLIMITED: u64 = u64.MAX_VALUE;

let groups: usize = 0;
let maskWords: u32 = 0;
let masksBegin: usize = 0;
let everyCpu: usize = 0;
let distributions: usize = 0;
let tasks: usize = 0;
let timers: usize = 0;
let timerEvents: usize = 0;
let nrTasks: u32 = 0;
let nrSpecs: u32 = 0;

/** Address of Task[], the tasks of the scenario, then an idle task and a stopper a CPU. */
export function taskArray(): usize {
  return tasks;
}

/** Reads the input buffer at `input` and makes the machine ready at time 0. */
export function setUp(input: usize, seed: u64): void {
  const reader = new Reader(input);
  const header = reader.next<Header>();
  newMachine();
  newTunables();
  machine.nrCpus = <u32>header.cpus;
  machine.cpusPerLlc = <u32>header.cpusPerLlc;
  machine.maxEventsNow = EVENTS_NOW + EVENTS_NOW_PER_TASK * <u32>header.tasks;
  machine.maxSlackNs = <u64>header.maxSlackNs;
  newMasks();
  newTrace(<u32>header.traceCapacity, <u64>header.traceFromNs, <u64>header.traceToNs);
  readMachine(reader.next<MachineTable>());
  readKernel(reader.next<KernelTable>());
  const idleStates = reader.array<IdleStateTable>(<u32>header.idleStates);
  const noise = reader.array<NoiseTable>(<u32>header.noiseSources);
  const btRuntimes = reader.numbers(machine.nrCpus);
  const groupTables = reader.array<GroupTable>(<u32>header.groups);
  maskWords = (machine.nrCpus + 63) >> 6;
  const maskNumbers = reader.numbers(<u32>header.masks * maskWords * 2);
  const distributionTables = reader.array<DistributionTable>(<u32>header.distributions);
  const values = reader.numbers(<u32>header.values);
  const waitQueues = reader.array<WaitQueueTable>(<u32>header.waitQueues);
  const instructions = reader.array<InstructionTable>(<u32>header.instructions);
  const specs = reader.array<SpecTable>(<u32>header.specs);
  const recorders = reader.array<RecorderTable>(<u32>header.recorders);

  readMasks(maskNumbers, <u32>header.masks);
  readDistributions(distributionTables, <u32>header.distributions, values);
  readIdleStates(idleStates, <u32>header.idleStates);
  layOutCpus(btRuntimes);
  readNoise(noise, <u32>header.noiseSources, seed);
  registerClasses();
  readGroups(groupTables, <u32>header.groups);
  readPrograms(waitQueues, header, instructions);
  readSpecs(specs, <u32>header.specs, <u32>header.tasks, seed);
  readRecorders(recorders, <u32>header.recorders);
  startCpus();
}

function readMachine(table: MachineTable): void {
  machine.timerIrqNs = <u64>table.timerIrqNs;
  machine.tickNs = <u64>table.tickNs;
  machine.wakeupNs = <u64>table.wakeupNs;
  machine.scheduleNs = <u64>table.scheduleNs;
  machine.switchNs = <u64>table.switchNs;
  machine.syscallEntryNs = <u64>table.syscallEntryNs;
  machine.syscallExitNs = <u64>table.syscallExitNs;
  machine.ipiNs = <u64>table.ipiNs;
  machine.migrationNs = <u64>table.migrationNs;
}

function readKernel(table: KernelTable): void {
  machine.tickPeriodNs = <u64>table.tickPeriodNs;
  const t = tunables;
  t.fullPreemption = table.fullPreemption != 0;
  t.latencyNs = <u64>table.latencyNs;
  t.minGranularityNs = <u64>table.minGranularityNs;
  t.wakeupGranularityNs = <u64>table.wakeupGranularityNs;
  t.idleMinGranularityNs = <u64>table.idleMinGranularityNs;
  t.migrationCostNs = <u64>table.migrationCostNs;
  t.nrLatency = <u32>table.nrLatency;
  t.gentleFairSleepers = table.gentleFairSleepers != 0;
  t.startDebit = table.startDebit != 0;
  t.lastBuddy = table.lastBuddy != 0;
  t.wakeupPreemption = table.wakeupPreemption != 0;
  t.altPeriod = table.altPeriod != 0;
  t.baseSlice = table.baseSlice != 0;
  t.rtPeriodNs = <u64>table.rtPeriodNs;
  t.rtRuntimeNs = table.rtRuntimeNs < 0 ? UNLIMITED : <u64>table.rtRuntimeNs;
  t.rrTicks = <u32>table.rrTicks;
  t.btPeriodNs = <u64>table.btPeriodNs;
  t.btMaxThrottleNs = <u64>table.btMaxThrottleNs;
  t.vmfActiveBalance = table.vmfActiveBalance != 0;
  t.vmfWakeupPreemption = table.vmfWakeupPreemption != 0;
  t.vmfStarvationBoundNs = <u64>table.vmfStarvationBoundNs;
  t.vmfStarvationGrantNs = <u64>table.vmfStarvationGrantNs;
}

function readMasks(numbers: usize, count: u32): void {
  const words = count * maskWords;
  masksBegin = allocateBytes(words << 3);
  for (let i: u32 = 0; i < words; i++) {
    const low = <u64>load<f64>(numbers + (i << 4));
    const high = <u64>load<f64>(numbers + (i << 4) + 8);
    store<u64>(masksBegin + (i << 3), low | (high << 32));
  }
  everyCpu = allocateBytes(maskWords << 3);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) setBit(everyCpu, cpu);
}

function readDistributions(tables: usize, count: u32, values: usize): void {
  distributions = allocateArray<Distribution>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<DistributionTable>(tables, i);
    const distribution = at<Distribution>(distributions, i);
    distribution.kind = <u32>table.kind;
    distribution.count = <u32>table.count;
    distribution.values = values + ((<usize>table.firstValue) << 3);
    distribution.a = table.a;
    distribution.b = table.b;
    distribution.c = table.c;
  }
}

function readIdleStates(tables: usize, count: u32): void {
  machine.nrIdleStates = count;
  machine.idleStates = allocateArray<IdleState>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<IdleStateTable>(tables, i);
    const state = at<IdleState>(machine.idleStates, i);
    state.exitLatencyNs = <u64>table.exitLatencyNs;
    state.targetResidencyNs = <u64>table.targetResidencyNs;
  }
}

function layOutCpus(btRuntimes: usize): void {
  machine.rqs = allocateArray<Rq>(machine.nrCpus);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    rq.id = cpu;
    rq.clockevent = newEvent(EventKind.CLOCKEVENT, cpu, 0);
    rq.segmentEnd = newEvent(EventKind.SEGMENT_END, cpu, 0);
    rq.ipi = newEvent(EventKind.IPI, cpu, 0);
    rq.timers = allocate<RbTree>();
    rq.tick = newHrTimer(TimerKind.TICK, 0);
    rq.cfs = allocate<CfsRq>();
    rq.cfs.cpu = cpu;
    rq.cfs.minVruntime = FIRST_VRUNTIME;
    rq.rt = allocate<RtRq>();
    rq.rt.active = newPrioArray(RT_PRIORITIES);
    rq.vmf = allocate<VmfRq>();
    rq.vmf.active = newPrioArray(VMF_PRIORITIES);
    rq.vmf.grant = newHrTimer(TimerKind.VMF_GRANT, 0);
    rq.bt = allocate<BtRq>();
    rq.bt.cpu = cpu;
    rq.bt.minVruntime = FIRST_VRUNTIME;
    rq.bt.runtime = <u64>load<f64>(btRuntimes + (cpu << 3));
    rq.avgIdleNs = machine.tickPeriodNs;
    rq.nextBalance = machine.tickPeriodNs * (cpu + 1);
  }
}

function readNoise(tables: usize, count: u32, seed: u64): void {
  machine.nrNoise = count;
  machine.noise = allocateArray<NoiseSource>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<NoiseTable>(tables, i);
    const source = at<NoiseSource>(machine.noise, i);
    source.interval = at<Distribution>(distributions, <u32>table.interval);
    source.length = at<Distribution>(distributions, <u32>table.length);
    source.preemptOff = table.preemptOff != 0;
  }
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    rq.noiseEvents = allocateBytes(count << alignof<usize>());
    rq.noiseStreams = allocateBytes(count << 3);
    for (let i: u32 = 0; i < count; i++) {
      const event = newEvent(EventKind.NOISE, cpu, i);
      store<usize>(rq.noiseEvents + (i << alignof<usize>()), changetype<usize>(event));
      const hash = <u64>rowAt<NoiseTable>(tables, i).nameHash;
      store<u64>(rq.noiseStreams + (i << 3), streamState(seed, hash, cpu));
      armNoise(rq, i, 0);
    }
  }
}

function registerClasses(): void {
  register(Rank.STOP, new StopClass());
  register(Rank.RT, new RtClass(newHrTimer(TimerKind.RT_PERIOD, 0)));
  register(Rank.VMF, new VmfClass());
  register(Rank.FAIR, new FairClass());
  register(Rank.BT, new BtClass(newHrTimer(TimerKind.BT_PERIOD, 0)));
  register(Rank.IDLE, new IdleClass());
}

function readGroups(tables: usize, count: u32): void {
  groups = allocateArray<TaskGroup>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<GroupTable>(tables, i);
    const group = at<TaskGroup>(groups, i);
    group.shares = <u64>table.shares;
    if (table.parent >= 0) group.parent = at<TaskGroup>(groups, <u32>table.parent);
    group.entities = allocateArray<SchedEntity>(machine.nrCpus);
    group.queues = allocateArray<CfsRq>(machine.nrCpus);
    for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
      const queue = queueOf(group, cpu);
      queue.cpu = cpu;
      queue.group = group;
      queue.minVruntime = FIRST_VRUNTIME;
      const se = entityOf(group, cpu);
      se.myQ = queue;
      se.weight = group.shares;
      // Parents come before their children.
      if (group.parent == null) {
        se.cfsRq = rqOf(cpu).cfs;
      } else {
        se.cfsRq = queueOf(group.parent, cpu);
        se.parent_ = entityOf(group.parent, cpu);
        se.depth = se.parent_.depth + 1;
      }
    }
  }
}

function readPrograms(waitQueues: usize, header: Header, instructions: usize): void {
  const programs = allocate<Programs>();
  programs.sharedTimers = allocateBytes((<usize>header.sharedTimers) << 3);
  programs.waitQueues = allocateArray<WaitQueue>(<u32>header.waitQueues);
  for (let i: u32 = 0; i < <u32>header.waitQueues; i++) {
    at<WaitQueue>(programs.waitQueues, i).size = <u32>rowAt<WaitQueueTable>(waitQueues, i).size;
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
  }
  setPrograms(programs);
}

function readSpecs(tables: usize, count: u32, taskCount: u32, seed: u64): void {
  nrSpecs = count;
  nrTasks = taskCount;
  // Two more declarations, for the idle tasks and the stoppers.
  setSpecs(allocateArray<Spec>(count + 2));
  tasks = allocateArray<Task>(taskCount + 2 * machine.nrCpus);
  timers = allocateArray<HrTimer>(taskCount);
  timerEvents = allocateArray<Event>(taskCount);
  let id: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<SpecTable>(tables, i);
    newSpec(i, <u32>table.count, id);
    const spec = specAt(i);
    spec.program = <u32>table.program;
    spec.pool = table.pool != 0;
    for (let instance: u32 = 0; instance < spec.count; instance++) readTask(table, spec, instance, id++, seed);
  }
  newSpec(count, machine.nrCpus, id);
  newSpec(count + 1, machine.nrCpus, id + machine.nrCpus);
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
  const task = at<Task>(tasks, id);
  task.id = id;
  task.spec = spec;
  task.ownSlack = table.timerSlackNs >= 0;
  if (task.ownSlack) task.timerSlackNs = <u64>table.timerSlackNs;
  setParams(task, <u8>table.policy, <i8>table.nice, <u8>table.prio);
  task.cfsRq = rqOf(0).cfs;
  if (table.group >= 0) task.group = at<TaskGroup>(groups, <u32>table.group);
  let mask = table.mask < 0 ? everyCpu : masksBegin + <u32>table.mask * (maskWords << 3);
  let allowed: u32 = 0;
  for (let i: u32 = 0; i < maskWords; i++) allowed += <u32>popcnt(load<u64>(mask + (i << 3)));
  const pinned = table.pinEach != 0;
  task.cpu = nthCpu(mask, (pinned ? instance : id) % allowed);
  if (pinned) {
    mask = allocateBytes(maskWords << 3);
    setBit(mask, task.cpu);
    allowed = 1;
  }
  task.cpusAllowed = mask;
  task.nrCpusAllowed = allowed;
  if (table.timers != 0) task.timers = allocateBytes((<usize>table.timers) << 3);
  if (table.loops != 0) task.loops = allocateBytes((<usize>table.loops) << 2);
  store<u64>(task.streamState, streamState(seed, <u64>table.nameHash, instance));
  task.timer = initHrTimer(
    at<HrTimer>(timers, id),
    at<Event>(timerEvents, id),
    TimerKind.WAKE,
    changetype<usize>(task),
  );
  task.pc = spec.program;
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

function readRecorders(tables: usize, count: u32): void {
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
function startCpus(): void {
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    rq.idle = kernelTask(nrTasks + cpu, nrSpecs, cpu, Rank.IDLE);
    rq.stop = kernelTask(nrTasks + machine.nrCpus + cpu, nrSpecs + 1, cpu, Rank.STOP);
    rq.stop.state = State.SLEEPING;
    rq.curr = rq.idle;
    setIdle(rq, 0);
    programClockevent(rq, 0);
  }
}

function kernelTask(id: u32, specIndex: u32, cpu: u32, rank: u8): Task {
  const task = at<Task>(tasks, id);
  task.id = id;
  task.spec = specAt(specIndex);
  task.cpu = cpu;
  task.policy = Policy.FIFO;
  task.rank = rank;
  task.weight = NICE_0_LOAD;
  task.nrCpusAllowed = 1;
  task.cpusAllowed = allocateBytes(maskWords << 3);
  setBit(task.cpusAllowed, cpu);
  return task;
}
