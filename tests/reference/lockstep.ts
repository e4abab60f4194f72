/**
 * Runs a reference beside a simulation, from its trace: what came and went, and when, is the simulation's; who runs must be the same.
 * Needs one CPU on which nothing costs time. What a trace does not show is announced by a recorder's name, just before it happens:
 * `yield`, and `nice 5`. Nor does it show whether a tick came before or after what happened at the same nanosecond: there it ends.
 */
import type { TraceEvent } from '../../src/results/result.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { type Entity, groupsOf, isEntity, type Reference, taskOf } from './entities.js';

/** How many switches agreed, and the first that did not. */
export interface Agreement {
  switches: number;
  divergence: string | null;
}

export function lockstep(
  reference: Reference,
  { kernel, cgroups, tasks: specs }: Scenario,
  trace: TraceEvent[],
): Agreement {
  const groups = groupsOf(reference, cgroups);
  const tasks = new Map<string, Entity>();
  const unborn = new Set<Entity>();
  for (const spec of specs) {
    for (let i = 0; i < spec.count; i++) {
      const name = spec.count === 1 ? spec.name : `${spec.name}/${i}`;
      const task = taskOf(reference, name, spec, groups);
      tasks.set(name, task);
      if (spec.start === 'fork') unborn.add(task);
    }
  }
  const period = BigInt(Math.round(1e9 / kernel.hz));
  let nextTick = period;
  let now = 0n;
  let switches = 0;
  let position = 0;
  const say = (what: string): Agreement => ({
    switches,
    divergence: `${now} ns, switch ${switches}: ${what}; the reference has ${describe(reference)}; ${recent(trace, position)}`,
  });
  /** Whatever wants a reschedule and was not answered by a switch must choose the same task again. */
  const settle = (): boolean => {
    if (!reference.needResched) return true;
    const before = reference.curr;
    return reference.pick(now) === before;
  };
  const ticksUntil = (until: bigint): boolean => {
    for (; nextTick < until; nextTick += period) {
      if (reference.curr === null) continue;
      if (!settle()) return false;
      now = nextTick;
      reference.tick(now);
    }
    return true;
  };
  for (const [index, event] of trace.entries()) {
    if (event.event !== 'switch' && event.event !== 'wakeup' && event.event !== 'record') continue;
    position = index;
    const at = BigInt(event.at);
    const preempted = event.event === 'switch' && event.prevState === 'R+';
    const coincides = at % period === 0n && at >= nextTick && reference.curr !== null;
    if (coincides && !preempted) break;
    // A switch on a tick was caused by it.
    const caused = event.event === 'switch' ? at + 1n : at;
    if (at !== now && !ticksUntil(caused)) return say('no switch');
    // An idle CPU has no tick.
    if (at === nextTick) nextTick += period;
    if (at !== now && !settle()) return say('no switch');
    now = at;
    if (event.event === 'wakeup') {
      const task = tasks.get(event.task);
      if (task === undefined) continue;
      if (unborn.delete(task)) reference.start(now, task);
      else reference.wake(now, task);
      continue;
    }
    if (event.event === 'record') {
      const { curr } = reference;
      const [what, nice] = event.recorder.split(' ');
      if (what === 'nice' && curr !== null) reference.setNice(now, curr, Number(nice));
      if (what === 'yield') reference.yield(now);
      // The simulated task gives way after either; that it goes on at once is not in the trace.
      reference.needResched = true;
      const after = trace[index + 1];
      const goesOn = !(after?.event === 'switch' && after.at === event.at);
      if (what === 'yield' && goesOn && !settle()) return say('no switch after a yield');
      continue;
    }
    const { prev, prevState, next } = event;
    if (prevState === 'S' || prevState === 'X') reference.sleep(now);
    else if (!reference.needResched) return say(`${prev} was preempted by ${next}`);
    const picked = reference.pick(now)?.name ?? null;
    if (picked !== (tasks.get(next)?.name ?? null)) return say(`${next} instead of ${picked} after ${prev}`);
    switches++;
  }
  return { switches, divergence: null };
}

function describe({ root, curr }: Reference): string {
  const line = (members: readonly Entity[]): string =>
    members.map((se) => `${se.name}@${se.vruntime}${se.own === null ? '' : `{${line(se.own.members)}}`}`).join(' ');
  const buddies = [root.next, root.last, root.skip].filter(isEntity).map(({ name }) => name);
  return `${line(root.members)}, running ${curr?.name ?? 'nothing'}, buddies [${buddies.join(' ')}]`;
}

/** The last few events up to the one at which the two parted. */
function recent(trace: readonly TraceEvent[], position: number): string {
  const lines = trace.slice(Math.max(0, position - 4), position + 1).map((event) => {
    if (event.event === 'switch') return `${event.at} ${event.prev} ${event.prevState} ==> ${event.next}`;
    if (event.event === 'record') return `${event.at} ${event.task} ${event.recorder}`;
    return `${event.at} ${event.event}${'task' in event ? ` ${event.task}` : ''}`;
  });
  return `trace: ${lines.join(', ')}`;
}
