/**
 * Priority OOM (vm.use_priority_oom; TencentOS 6.6 mm/oom_kill.c): the group with the largest number goes first, of equals the one that holds more; in
 * it the task with the most points. A group without a task that may be killed is skipped.
 */
import { State } from '../../task/task';
import { groupAt, isBelow, MemCgroup } from '../memcg';
import { mm } from '../mm';
import { rssOf, TaskMm, taskMmAt } from '../task_mm';
import { isOn, Part, priorityOf } from './rue';

const NEVER: i32 = -1000;

/** Where the killer looks for its victim, below `limit` (null: anywhere): `limit` itself without priorities. */
export function oomScope(limit: MemCgroup): MemCgroup {
  if (!isOn(Part.OOM)) return limit;
  let chosen = limit;
  for (let i: u32 = 1; i < mm.nrGroups; i++) {
    const group = groupAt(i);
    if (limit != null && !isBelow(group, limit)) continue;
    const found = killable(group);
    if (found == null) continue;
    // Somebody is dying already: that is waited for.
    if (found.killed) return group;
    if (chosen == limit || goesBefore(group, chosen)) chosen = group;
  }
  return chosen;
}

function goesBefore(group: MemCgroup, chosen: MemCgroup): bool {
  const a = priorityOf(group);
  const b = priorityOf(chosen);
  return a != b ? a > b : group.usage + group.swapUsage > chosen.usage + chosen.swapUsage;
}

/** A task of the group that may be killed, or is dying; null: there is none. */
function killable(group: MemCgroup): TaskMm {
  let found = changetype<TaskMm>(0);
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) {
    const m = taskMmAt(i);
    if (m.group != group || m.task.state == State.DEAD || m.oomScoreAdj == NEVER || rssOf(m) == 0) continue;
    if (m.killed) return m;
    found = m;
  }
  return found;
}
