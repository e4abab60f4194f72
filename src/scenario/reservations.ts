/** What sched_setattr(2) demands of deadline tasks (kernel/sched/deadline.c sched_dl_overflow, __dl_overflow). */
import type { Fail } from './checks.js';
import { type Kernel, type Reservation, type Scenario, settingsOf, type TaskSpec } from './scenario.js';

/** Bandwidths are fixed-point numbers with so many binary places (to_ratio). */
const BW_UNIT = 2 ** 20;

/** Whether the task is of class deadline at some time. */
export function mayBeDeadline(task: TaskSpec): boolean {
  return settingsOf(task).some((settings) => settings.class === 'deadline');
}

/** All reservations together must fit the machine; a task whose program changes its own counts with the largest. */
export function checkReservations(
  { kernel, machine, tasks }: Pick<Scenario, 'kernel' | 'machine' | 'tasks'>,
  fail: Fail,
): void {
  const limit = admissible(kernel) * machine.cpus;
  let total = 0;
  tasks.forEach((task, i) => {
    total += task.count * Math.max(0, ...settingsOf(task).map(({ reservation }) => bandwidth(reservation)));
    if (total <= limit) return;
    const share = (bw: number) => (bw / BW_UNIT).toFixed(3);
    fail(
      `tasks[${i}].sched.runtime`,
      `expected reservations of at most ${share(limit)} CPUs in all, found ${share(total)} with task "${task.name}"`,
    );
  });
}

function bandwidth(reservation: Reservation | undefined): number {
  return reservation === undefined ? 0 : Math.floor((reservation.runtimeNs * BW_UNIT) / reservation.periodNs);
}

/** kernel.sched_rt_runtime_us of sched_rt_period_us, by default: what real-time and deadline tasks may have of a CPU. */
const DEFAULT_SHARE: Reservation = { runtimeNs: 950e6, deadlineNs: 1e9, periodNs: 1e9 };

/** Of one CPU. Where the real-time class has the fair server instead of a limit, that one's reservation has been admitted first. */
function admissible({ rtRuntimeNs, rtPeriodNs, fairServer }: Kernel): number {
  if (fairServer !== null) {
    const { runtimeNs, periodNs } = fairServer;
    return bandwidth(DEFAULT_SHARE) - bandwidth({ runtimeNs, deadlineNs: periodNs, periodNs });
  }
  if (rtRuntimeNs < 0) return Number.POSITIVE_INFINITY;
  return bandwidth({ runtimeNs: rtRuntimeNs, deadlineNs: rtPeriodNs, periodNs: rtPeriodNs });
}
