/**
 * What a replay knows of one CPU.
 */
export interface Lane {
  /** The running task; −1: idle. */
  curr: number;
  /** How many of the known ticks are past. */
  ticks: number;
  /** When a chance to preempt arose that has not been answered; null: none. */
  chanceAt: number | null;
  /** It came from another CPU: this one shows no sign of life before its next event. */
  remote: boolean;
  /** It hangs on less than the trace's resolution. */
  hangs: boolean;
  /** A wakeup has asked for the reschedule. */
  byWakeup: boolean;
  /** And its clock serves for the switch, too. */
  clockRead: boolean;
  /** When the running task was woken on its way to sleep: it schedules all the same, and may stay. */
  recalledAt: number;
}

export function newLane(): Lane {
  return {
    curr: -1,
    ticks: 0,
    chanceAt: null,
    remote: false,
    hangs: false,
    byWakeup: false,
    clockRead: false,
    recalledAt: Number.NEGATIVE_INFINITY,
  };
}

/** A chance to preempt; if another one is open, its answer is one to both. */
export function chance(lane: Lane, atNs: number, hangs: boolean, remote: boolean): void {
  lane.remote = remote && (lane.chanceAt === null || lane.remote);
  lane.chanceAt ??= atNs;
  lane.hangs ||= hangs;
}

/** The chance has been answered. */
export function answered(lane: Lane): void {
  lane.chanceAt = null;
  lane.hangs = false;
  lane.byWakeup = false;
  lane.clockRead = false;
}
