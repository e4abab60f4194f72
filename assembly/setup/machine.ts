/**
 * Set-up of the hardware and the kernel: costs, tunables, idle states, CPUs with their queues, noise, scheduling classes.
 */
import { allocate, allocateArray, allocateBytes, at } from '../base/arena';
import { Distribution, streamState } from '../base/random';
import { RbTree } from '../base/rbtree';
import { newEvent } from '../base/wheel';
import { armNoise, IdleState, NoiseSource } from '../machine/cpu';
import { startTimer } from '../machine/hrtimer';
import { newHrTimer, TimerKind } from '../machine/timer';
import { EventKind, FULL_SPEED, machine } from '../machine/machine';
import { SchedAvg } from '../sched/avg';
import { BtClass } from '../sched/bt';
import { newDlEntity, setReservation } from '../sched/cbs';
import { Rank, register } from '../sched/class';
import { DeadlineClass } from '../sched/deadline';
import { DlRq } from '../sched/dl_entity';
import { CfsRq } from '../sched/entity';
import { FairClass } from '../sched/fair';
import { IdleClass } from '../sched/idle';
import { coreBegin } from '../sched/masks';
import { newPrioArray } from '../sched/prio_array';
import { newLoadHistory } from '../sched/cpu_load';
import { BtRq, Core, Rq, rqAt, rqOf, RtRq, VmfRq } from '../sched/rq';
import { RtClass } from '../sched/rt';
import { StopClass } from '../sched/stop';
import { tunables } from '../sched/tunables';
import { VMF_PRIORITIES, VmfClass } from '../sched/vmf';
import { Task } from '../task/task';
import { maxAvgIdle } from '../sched/wake';
import { IdleStateTable, KernelTable, MachineTable, NoiseTable, rowAt, SystemTable } from '../tables';

/** All queues start here, so that vruntime wraps early in every simulation if it ever does (init_cfs_rq). */
export const FIRST_VRUNTIME: u64 = <u64>-(1 << 20);
const RT_PRIORITIES: u32 = 100;
/** RT runtime of −1 in the table: no throttling. */
const UNLIMITED: u64 = u64.MAX_VALUE;

/** Space for the CPUs of all kernels. */
export function newCpus(count: u32): void {
  machine.allCpus = count;
  machine.allRqs = allocateArray<Rq>(count);
}

/** How large the machine of the kernel at work is. */
export function readSystem(system: SystemTable): void {
  const kernel = machine.kernel;
  machine.firstCpu = kernel.firstCpu;
  machine.rqs = changetype<usize>(rqAt(kernel.firstCpu));
  machine.nrCpus = kernel.nrCpus;
  machine.cpusPerLlc = <u32>system.cpusPerLlc;
  machine.threadsPerCore = <u32>system.threadsPerCore;
  machine.maxSlackNs = <u64>system.maxSlackNs;
  machine.bootNs = <u64>system.bootNs;
}

export function readMachine(table: MachineTable): void {
  machine.timerIrqNs = <u64>table.timerIrqNs;
  machine.tickNs = <u64>table.tickNs;
  machine.wakeupNs = <u64>table.wakeupNs;
  machine.scheduleNs = <u64>table.scheduleNs;
  machine.switchNs = <u64>table.switchNs;
  machine.syscallEntryNs = <u64>table.syscallEntryNs;
  machine.syscallExitNs = <u64>table.syscallExitNs;
  machine.ipiNs = <u64>table.ipiNs;
  machine.migrationNs = <u64>table.migrationNs;
  machine.sendIpiNs = <u64>table.sendIpiNs;
  machine.timerWriteNs = <u64>table.timerWriteNs;
  machine.vmExitNs = <u64>table.vmExitNs;
  machine.vmEntryNs = <u64>table.vmEntryNs;
  machine.tickSkewNs = <u64>table.tickSkewNs;
  machine.smtSpeed = <u64>table.smtSpeed;
}

export function readKernel(table: KernelTable): void {
  machine.tickPeriodNs = <u64>table.tickPeriodNs;
  const t = tunables;
  t.fullPreemption = table.fullPreemption != 0;
  t.lazyPreemption = table.lazyPreemption != 0;
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
  t.eevdf = table.eevdf != 0;
  t.vprot = table.vprot != 0;
  t.reweightPlaces = table.reweightPlaces != 0;
  t.currWinsTies = table.currWinsTies != 0;
  t.baseSliceNs = <u32>table.baseSliceNs;
  t.unscaledSliceNs = <u32>table.unscaledSliceNs;
  t.placeLag = table.placeLag != 0;
  t.placeDeadlineInitial = table.placeDeadlineInitial != 0;
  t.placeRelDeadline = table.placeRelDeadline != 0;
  t.runToParity = table.runToParity != 0;
  t.preemptShort = table.preemptShort != 0;
  t.delayDequeue = table.delayDequeue != 0;
  t.delayZero = table.delayZero != 0;
  t.pickBuddy = table.pickBuddy != 0;
  t.yieldForfeits = table.yieldForfeits != 0;
  t.idlePlacement = table.idlePlacement != 0;
  t.loadHistory = table.loadHistory != 0;
  t.weightOnly = table.weightOnly != 0;
  t.runtimeExpires = table.runtimeExpires != 0;
  t.throttlesTasks = table.throttlesTasks != 0;
  t.bandwidthSliceNs = <u64>table.bandwidthSliceNs;
  t.niRandom = table.niRandom != 0;
  t.sisUtil = table.sisUtil != 0;
  t.sisProp = table.sisProp != 0;
  t.busyFactor = <u32>table.busyFactor;
  t.coreSched = table.coreSched != 0;
  t.pelt = machine.nrCpus > 1;
  t.utilEst = table.utilEst != 0 && t.pelt;
  t.utilEstEarly = table.utilEstEarly != 0;
  t.rtPeriodNs = <u64>table.rtPeriodNs;
  t.rtRuntimeNs = table.rtRuntimeNs < 0 ? UNLIMITED : <u64>table.rtRuntimeNs;
  t.fairServerRuntimeNs = <u64>table.fairServerRuntimeNs;
  t.fairServerPeriodNs = <u64>table.fairServerPeriodNs;
  t.rrTicks = <u32>table.rrTicks;
  t.btPeriodNs = <u64>table.btPeriodNs;
  t.btLoadFair = table.btLoadFair != 0;
  t.htIsolate = table.htIsolate != 0;
  t.btMaxThrottleNs = <u64>table.btMaxThrottleNs;
  t.vmfActiveBalance = table.vmfActiveBalance != 0;
  t.vmfWakeupPreemption = table.vmfWakeupPreemption != 0;
  t.vmfStarvationBoundNs = <u64>table.vmfStarvationBoundNs;
  t.vmfStarvationGrantNs = <u64>table.vmfStarvationGrantNs;
  t.haltPollNs = <u64>table.haltPollNs;
  t.haltPollShrink = <u32>table.haltPollShrink;
  t.paravirtTimeAccounting = table.paravirtTimeAccounting != 0;
}

export function readIdleStates(tables: usize, count: u32): void {
  machine.nrIdleStates = count;
  machine.idleStates = allocateArray<IdleState>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<IdleStateTable>(tables, i);
    const state = at<IdleState>(machine.idleStates, i);
    state.exitLatencyNs = <u64>table.exitLatencyNs;
    state.targetResidencyNs = <u64>table.targetResidencyNs;
  }
}

/** Every CPU with its events, timers and queues. */
export function layOutCpus(btRuntimes: usize): void {
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    const rq = rqOf(cpu);
    rq.id = cpu;
    rq.index = <u16>(machine.firstCpu + cpu);
    rq.kernel = machine.kernel;
    if (rq.vcpu != null) rq.vcpu.stealKnown = tunables.paravirtTimeAccounting;
    rq.speed = FULL_SPEED;
    rq.core = cpu == coreBegin(cpu) ? allocate<Core>() : rqOf(coreBegin(cpu)).core;
    rq.clockevent = newEvent(EventKind.CLOCKEVENT, rq.index, 0);
    rq.segmentEnd = newEvent(EventKind.SEGMENT_END, rq.index, 0);
    rq.ipi = newEvent(EventKind.IPI, rq.index, 0);
    rq.timers = allocate<RbTree>();
    rq.tick = newHrTimer(TimerKind.TICK, 0);
    rq.cfs = allocate<CfsRq>();
    rq.cfs.cpu = cpu;
    rq.cfs.minVruntime = FIRST_VRUNTIME;
    rq.cfs.augmented = tunables.eevdf;
    rq.cfs.avg = newAvg();
    rq.dl = allocate<DlRq>();
    rq.fairServer = newDlEntity(changetype<Task>(0), rq);
    const period = tunables.fairServerPeriodNs;
    if (period != 0) setReservation(rq.fairServer, tunables.fairServerRuntimeNs, period, period);
    rq.rt = allocate<RtRq>();
    rq.rt.active = newPrioArray(RT_PRIORITIES);
    rq.vmf = allocate<VmfRq>();
    rq.vmf.active = newPrioArray(VMF_PRIORITIES);
    rq.vmf.grant = newHrTimer(TimerKind.VMF_GRANT, 0);
    rq.bt = allocate<BtRq>();
    rq.bt.cpu = cpu;
    rq.bt.minVruntime = FIRST_VRUNTIME;
    rq.bt.avg = newAvg();
    rq.bt.runtime = <u64>load<f64>(btRuntimes + (cpu << 3));
    rq.avgIdleNs = machine.tickPeriodNs;
    rq.avgIdle = maxAvgIdle();
    rq.nextBalance = 1;
    rq.nextBalanceBt = 1;
    rq.fairHistory = newLoadHistory();
    rq.btHistory = newLoadHistory();
  }
}

/** A load average at zero. */
export function newAvg(): SchedAvg {
  const avg = allocate<SchedAvg>();
  startAvg(avg);
  return avg;
}

/** Its clock begins at 1, as 0 says that the entity is attached to no queue. */
export function startAvg(avg: SchedAvg): void {
  avg.lastUpdateTime = 1;
}

/** Sources of noise, each CPU's first occurrence armed. `distributions`: address of Distribution[]. */
export function readNoise(tables: usize, count: u32, distributions: usize, seed: u64): void {
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
      const event = newEvent(EventKind.NOISE, rq.index, i);
      store<usize>(rq.noiseEvents + (i << alignof<usize>()), changetype<usize>(event));
      const hash = <u64>rowAt<NoiseTable>(tables, i).nameHash;
      store<u64>(rq.noiseStreams + (i << 3), streamState(seed, hash, cpu));
      armNoise(rq, i, 0);
    }
  }
}

/** The chain of scheduling classes. `rtPhaseNs`: when the real-time period that has begun before time 0 ends; negative: none has. */
export function registerClasses(rtPhaseNs: i64): void {
  register(Rank.STOP, new StopClass());
  const rtPeriod = newHrTimer(TimerKind.RT_PERIOD, 0);
  if (rtPhaseNs >= 0) startTimer(rqOf(0), rtPeriod, <u64>rtPhaseNs, 0);
  const rt = new RtClass(rtPeriod);
  register(Rank.DEADLINE, new DeadlineClass(rt));
  register(Rank.RT, rt);
  register(Rank.VMF, new VmfClass());
  register(Rank.FAIR, new FairClass());
  register(Rank.BT, new BtClass(newHrTimer(TimerKind.BT_PERIOD, 0)));
  register(Rank.IDLE, new IdleClass());
}
