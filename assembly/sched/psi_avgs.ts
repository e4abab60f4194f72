/**
 * Totals and averages of pressure: what the CPUs have counted, each weighted by how long it was not idle, every two seconds and a tick and whenever
 * somebody reads them (kernel/sched/psi.c collect_percpu_times, update_averages, psi_avgs_work, psi_show).
 *
 * The work that does so every period is not an event: whatever changes a group's state first does what was due until then.
 */
import { allocate, allocateArray, allocateBytes } from '../base/arena';
import { machine } from '../machine/machine';
import { wheelExpiry } from '../machine/timer_wheel';
import { NEVER, Psi, PsiGroup, PsiGroupCpu, psiCpuOf } from './psi_group';

/** FSHIFT, FIXED_1; what a period leaves of the averages (EXP_10s, EXP_60s, EXP_300s). */
const SHIFT: u64 = 11;
const ONE: u64 = 1 << SHIFT;
const EXP_10: u64 = 1677;
const EXP_60: u64 = 1981;
const EXP_300: u64 = 2034;
const AVERAGES: u32 = 3;

/** psi_period: PSI_FREQ in ns. */
function period(): u64 {
  return (2_000_000_000 / machine.tickPeriodNs + 1) * machine.tickPeriodNs;
}

/** A group of no pressure, whose periods began at `begin`. Tasks come into a cgroup as it is made, which starts its clock. */
export function newPsiGroup(parent: PsiGroup, begin: u64): PsiGroup {
  const group = allocate<PsiGroup>();
  group.parent = parent;
  group.cpus = allocateArray<PsiGroupCpu>(machine.nrCpus);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    psiCpuOf(group, cpu).times = allocateBytes(Psi.COUNT << 3);
    psiCpuOf(group, cpu).collected = allocateBytes(Psi.COUNT << 3);
  }
  group.totals = allocateBytes(Psi.REPORTED << 3);
  group.averaged = allocateBytes(Psi.REPORTED << 3);
  group.averages = allocateBytes((Psi.REPORTED * AVERAGES) << 3);
  group.lastUpdate = begin;
  group.nextUpdate = begin + period();
  if (parent == null) group.clockAt = NEVER;
  else startClock(group, 0, begin);
  return group;
}

/** The pressure of the machine at work, whose periods began as it booted. */
export function newMachinePsi(): PsiGroup {
  return newPsiGroup(changetype<PsiGroup>(0), <u64>-(machine.bootNs % period()));
}

/** From the tick to the work: softirq, and a thread that wakes. Who woke on the same tick is seen by then. Assumption. */
const WORK_NS: u64 = 30_000;

/** When work is done that is delayed by so many jiffies. */
function workAt(now: u64, jiffies: u64): u64 {
  return wheelExpiry(now, jiffies) + WORK_NS;
}

/** A change of state starts the clock again (schedule_delayed_work of PSI_FREQ). */
export function startClock(group: PsiGroup, cpu: u32, now: u64): void {
  group.clockCpu = cpu;
  group.clockAt = workAt(now, period() / machine.tickPeriodNs);
}

/** Does what the clock had to do until `now` (psi_avgs_work). */
export function runClock(group: PsiGroup, now: u64): void {
  while (now >= group.clockAt) {
    const due = group.clockAt;
    const goesOn = collect(group, due);
    if (due >= group.nextUpdate) updateAverages(group, due);
    group.clockAt = goesOn ? workAt(due, (group.nextUpdate - due) / machine.tickPeriodNs + 1) : NEVER;
  }
}

/** Brings a group's figures up to date, as reading its files does (psi_show). */
export function readPsi(group: PsiGroup, now: u64): void {
  runClock(group, now);
  collect(group, now);
  if (now >= group.nextUpdate) updateAverages(group, now);
}

/** Adds up what the CPUs have counted since the last time. True: there is something to be expected on, so that the clock goes on. */
function collect(group: PsiGroup, now: u64): bool {
  let nonidleJiffies: u64 = 0;
  let goesOn = false;
  for (let s: u32 = 0; s < Psi.REPORTED; s++) store<u64>(sums + (s << 3), 0);
  for (let i: u32 = 0; i < machine.nrCpus; i++) {
    const cpu = psiCpuOf(group, i);
    const nonidle = recent(cpu, Psi.NONIDLE, now);
    const weight = nonidle / machine.tickPeriodNs;
    nonidleJiffies += weight;
    for (let s: u32 = 0; s < Psi.REPORTED; s++) {
      const sum = sums + (s << 3);
      store<u64>(sum, load<u64>(sum) + recent(cpu, s, now) * weight);
    }
    goesOn = goesOn || (i == group.clockCpu ? isBusy(group, cpu) : nonidle != 0);
  }
  for (let s: u32 = 0; s < Psi.REPORTED; s++) {
    const total = group.totals + (s << 3);
    store<u64>(total, load<u64>(total) + load<u64>(sums + (s << 3)) / max(nonidleJiffies, 1));
  }
  return goesOn;
}

const sums: usize = memory.data(<i32>Psi.REPORTED * 8, 8);

/**
 * PSI_STATE_RESCHEDULE on the CPU that does the work: more than one task must be there, as one is the kernel's thread that does it. Of a cgroup that
 * thread is no task, but the kernel does not ask: the clock of a group with a single stalled task stops. Of the machine it is one, which is not
 * simulated.
 */
function isBusy(group: PsiGroup, cpu: PsiGroupCpu): bool {
  const worker: u32 = group.parent == null ? 1 : 0;
  return cpu.nrRunning + cpu.nrIowait + cpu.nrMemstall + worker > 1;
}

/** Time that a CPU has spent in a state since this was last asked, the present one included (get_recent_times). */
function recent(cpu: PsiGroupCpu, state: u32, now: u64): u64 {
  let time = load<u64>(cpu.times + (state << 3));
  if ((cpu.stateMask >> state) & 1 && now > cpu.stateStart) time += now - cpu.stateStart;
  const known = cpu.collected + (state << 3);
  const delta = time - load<u64>(known);
  store<u64>(known, time);
  return delta;
}

/** The averages go on by the period that has ended, and by those that were missed before it, in which nothing happened. */
function updateAverages(group: PsiGroup, now: u64): void {
  const missed = (now - group.nextUpdate) / period();
  group.nextUpdate += (1 + missed) * period();
  const length = now - (group.lastUpdate + missed * period());
  group.lastUpdate = now;
  for (let s: u32 = 0; s < Psi.REPORTED; s++) {
    const averaged = group.averaged + (s << 3);
    const sample = min(load<u64>(group.totals + (s << 3)) - load<u64>(averaged), length);
    store<u64>(averaged, load<u64>(averaged) + sample);
    const active = ((sample * 100) / length) << SHIFT;
    const averages = group.averages + ((s * AVERAGES) << 3);
    follow(averages, EXP_10, missed, active);
    follow(averages + 8, EXP_60, missed, active);
    follow(averages + 16, EXP_300, missed, active);
  }
}

function follow(average: usize, exp: u64, missed: u64, active: u64): void {
  let load_ = load<u64>(average);
  if (missed != 0) load_ = calcLoad(load_, fixedPower(exp, missed), 0);
  store<u64>(average, calcLoad(load_, exp, active));
}

/** calc_load: rounded up while it rises. */
function calcLoad(average: u64, exp: u64, active: u64): u64 {
  return (average * exp + active * (ONE - exp) + (active >= average ? ONE - 1 : 0)) >> SHIFT;
}

/** fixed_power_int: exp to the n-th, rounded at each multiplication. */
function fixedPower(exp: u64, n: u64): u64 {
  let result = ONE;
  let base = exp;
  for (let left = n; left != 0; left >>= 1) {
    if (left & 1) result = (result * base + ONE / 2) >> SHIFT;
    base = (base * base + ONE / 2) >> SHIFT;
  }
  return result;
}

/** A total in ns (`what` 0) or an average in percent (1: 10, 2: 60, 3: 300 seconds), as a reader finds it. Of the whole machine CPU full is not defined. */
export function psiNumber(group: PsiGroup, state: u32, what: u32): f64 {
  if (group.parent == null && state == Psi.CPU_FULL) return 0;
  if (what == 0) return <f64>load<u64>(group.totals + (state << 3));
  return <f64>load<u64>(group.averages + ((state * AVERAGES + what - 1) << 3)) / <f64>ONE;
}
