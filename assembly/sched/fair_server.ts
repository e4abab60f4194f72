/**
 * The fair server (kernel/sched/deadline.c dl_server of 6.12.95): a deadline entity a CPU that runs fair tasks. What they get in the ordinary
 * way counts against its runtime; only if they have had too little does it compete with deadline and real-time tasks, at the last
 * moment at which its runtime fits before its deadline.
 */
import { startTimer } from '../machine/hrtimer';
import { stopDeferring } from './cbs';
import { Flags, Rank } from './class';
import { DlEntity, timeBefore } from './dl_entity';
import { chargeDlEntity, dequeueDlEntity, enqueueDlEntity } from './dl_queue';
import { pushTask } from './later_cpu';
import { Rq, thisRq, updateRqClock } from './rq';
import { tunables } from './tunables';
import { reschedCurr } from './wake';

/** The deferral is not prolonged by less than this (dl_server_min_res). */
const MIN_RESOLUTION_NS: u64 = 1_000_000;

/** A fair task has come (dl_server_start). */
export function startFairServer(rq: Rq): void {
  const server = rq.fairServer;
  if (tunables.fairServerRuntimeNs == 0 || server.active) return;
  if (rq.curr == rq.idle) chargeIdleTime(rq);
  server.active = true;
  enqueueDlEntity(rq, server, Flags.WAKEUP);
  preemptFor(rq, server);
}

function preemptFor(rq: Rq, server: DlEntity): void {
  const curr = rq.curr;
  if (curr.rank != Rank.DEADLINE || timeBefore(server.deadline, curr.dl.deadline)) reschedCurr(rq);
}

/** Its turn has come, but there is no fair task (dl_server_stop). */
export function stopFairServer(rq: Rq): void {
  const server = rq.fairServer;
  dequeueDlEntity(rq, server);
  stopDeferring(server);
  server.active = false;
}

/** A fair task has run for so long (dl_server_update). */
export function chargeFairServer(rq: Rq, delta: u64): void {
  if (rq.fairServer.active) chargeDlEntity(rq, rq.fairServer, <i64>delta);
}

/** Idle time was at fair tasks' disposal, too (dl_server_update_idle_time). */
export function chargeIdleTime(rq: Rq): void {
  const server = rq.fairServer;
  if (tunables.fairServerRuntimeNs == 0 || server.runtime < 0) return;
  const idle = rq.idle;
  server.runtime -= <i64>(rq.clock - idle.execStart);
  idle.execStart = rq.clock;
  if (server.runtime >= 0) return;
  server.deferRunning = false;
  server.runtime = 0;
}

/** Its timer: the last moment has come, unless it was put off by what fair tasks have had meanwhile; or a new period (dl_server_timer). */
export function fairServerTimer(server: DlEntity): void {
  if (!server.throttled) return;
  const rq = server.serverRq;
  updateRqClock(rq);
  if (server.deferArmed) {
    const last = server.deadline - server.runtime;
    if (timeBefore(rq.clock, last - MIN_RESOLUTION_NS)) {
      server.timerCpu = thisRq().id;
      startTimer(thisRq(), server.timer, server.timer.soft + (last - rq.clock), 0);
      return;
    }
    server.deferRunning = true;
  }
  enqueueDlEntity(rq, server, Flags.REPLENISH);
  preemptFor(rq, server);
  pushTask(rq);
}
