/**
 * Which tasks a balance moves (kernel/sched/fair.c detach_tasks, can_migrate_task, task_hot).
 */
import { Task } from '../task/task';
import { Idle, LbEnv, Migrate } from './busiest';
import { coreSuits } from './cookie';
import { taskHLoad } from './load_avg';
import { moveToFront } from './task_list';
import { throttledPair } from './throttle';
import { tunables } from './tunables';
import { taskUtil } from './util_est';
import { moveQueuedTask } from './wake';

/** At most so many tasks of a queue are looked at (sysctl_sched_nr_migrate). */
const NR_MIGRATE: u32 = 32;

/** Moves tasks, those not run for longest first, 4.14 those queued last, until the imbalance is gone (detach_tasks, attach_tasks). */
export function pullTasks(env: LbEnv): u32 {
  const src = env.src;
  let moved: u32 = 0;
  let looked: u32 = 0;
  const newest = tunables.loadHistory;
  const most = min(NR_MIGRATE, src.cfs.hNrRunning);
  while (src.cfsTasks != null && env.imbalance > 0) {
    if (env.idle != Idle.NOT_IDLE && src.nrRunning <= 1) break;
    if (++looked > most) break;
    const task = newest ? src.cfsTasks : src.cfsTasks.runPrev;
    if (!canMigrate(env, task) || !fitsImbalance(env, task)) {
      if (newest) src.cfsTasks = task.runNext;
      else moveToFront(src, task);
      continue;
    }
    moveQueuedTask(src, task, env.dst);
    moved++;
    // A kernel with CONFIG_PREEMPTION takes no more than one while a CPU waits for it.
    if (env.idle == Idle.NEWLY && !newest) break;
  }
  return moved;
}

/** Takes the task off the imbalance, if it is not too much. */
function fitsImbalance(env: LbEnv, task: Task): bool {
  if (env.migration == Migrate.TASK) {
    env.imbalance--;
    return true;
  }
  if (env.migration == Migrate.UTIL) {
    const util = taskUtil(task);
    if (<i64>(util >> min(env.sd.nrBalanceFailed, 63)) > env.imbalance) return false;
    env.imbalance -= util;
    return true;
  }
  const load = max(taskHLoad(task), 1);
  const least = tunables.loadHistory ? load / 2 : load >> min(env.sd.nrBalanceFailed, 63);
  if (<i64>least > env.imbalance) return false;
  env.imbalance -= load;
  return true;
}

/** Affinity, running, cache heat (can_migrate_task). */
function canMigrate(env: LbEnv, task: Task): bool {
  if (throttledPair(task, env.dst.id)) return false;
  if (!task.mayRunOn(env.dst.id)) {
    env.somePinned = true;
    return false;
  }
  env.allPinned = false;
  if (task == env.src.curr) return false;
  return !isHot(env, task) || env.sd.nrBalanceFailed > env.sd.cacheNiceTries;
}

/** Has it run so lately that its cache lines are still there? (task_hot) */
function isHot(env: LbEnv, task: Task): bool {
  if (task.idle || env.sd.isSmt) return false;
  if (env.dst.nrRunning != 0 && (task.cfsRq.next == task || task.cfsRq.last == task)) return true;
  // Where it would only be forced to be idle it is as good as hot here.
  if (tunables.coreSched && !coreSuits(env.dst, task)) return true;
  return <i64>(env.src.clock - task.execStart) < <i64>tunables.migrationCostNs;
}
