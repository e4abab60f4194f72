/**
 * Feeds one random history to the simulated scheduling classes and to a reference, operation by operation, and compares after each: is a
 * reschedule wanted, who is chosen, and the virtual time of every task to the nanosecond.
 */
import fc from 'fast-check';
import { Driver } from '../../src/kernel/driver.js';
import type { Scenario, SchedSettings, TaskSpec } from '../../src/scenario/scenario.js';
import { type Entity, groupsOf, type Reference, shareOf, taskOf } from './entities.js';

/** `which` is a task, or for whom no such task is there, the next for which it makes sense. */
export interface Operation {
  kind: 'wake' | 'sleep' | 'tick' | 'yield' | 'fork' | 'nice' | 'shares' | 'schedule';
  which: number;
  /** Time that passes before. */
  ns: number;
  nice: number;
  /** cpu.weight of a group, `which` is its number then. */
  weight: number;
  /** Leave a wanted reschedule for later. */
  late: boolean;
}

export const operations = (length: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.record<Operation>({
      kind: fc.constantFrom(
        'wake',
        'wake',
        'wake',
        'sleep',
        'sleep',
        'tick',
        'tick',
        'yield',
        'fork',
        'nice',
        'shares',
        'schedule',
      ),
      which: fc.nat({ max: 11 }),
      ns: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 6_000_000 })),
      nice: fc.integer({ min: -20, max: 19 }),
      weight: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 10_000 })),
      late: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
    }),
    { minLength: length, maxLength: length },
  );

/** The first operation after which the two differ, and how; null: none. `absolute`: a queue's virtual time has a history of its own (CFS). */
export function stepwise(
  reference: Reference,
  scenario: Scenario,
  history: readonly Operation[],
  absolute: boolean,
): string | null {
  const driver = new Driver(scenario);
  const groups = groupsOf(reference, scenario.cgroups);
  const tasks = scenario.tasks.map((spec) => taskOf(reference, spec.name, spec, groups));
  const born = new Set<Entity>();
  const asleep = new Set<Entity>();
  const at = (index: number): Entity => tasks[index % tasks.length] as Entity;
  const schedOf = (task: Entity): SchedSettings => {
    const spec = scenario.tasks[tasks.indexOf(task)];
    return spec?.sched ?? { class: 'fair', nice: 0, priority: 0 };
  };
  /** From `which` on, the first task for which it is true. */
  const find = (which: number, is: (task: Entity) => boolean): number =>
    tasks.map((_, i) => (which + i) % tasks.length).find((index) => is(at(index))) ?? -1;
  const vruntime = (index: number): bigint => BigInt.asIntN(64, driver.vruntime(index));
  let now = 1;
  for (const [step, { kind, which, ns, nice, weight, late }] of history.entries()) {
    now += ns;
    const time = BigInt(now);
    const { curr } = reference;
    let leaves: 'runnable' | 'asleep' | null = null;
    if (kind === 'tick') {
      driver.tick(0, now);
      reference.tick(time);
    } else if (kind === 'wake') {
      const index = find(which, (task) => asleep.has(task) || !born.has(task));
      if (index < 0) continue;
      driver.wake(index, 0, false, now);
      reference.wake(time, at(index));
      asleep.delete(at(index));
      born.add(at(index));
    } else if (kind === 'fork') {
      const index = find(which, (task) => !born.has(task) && curr !== null && task.queue === curr.queue);
      if (index < 0) continue;
      driver.fork(index, 0, now);
      driver.wake(index, 0, true, now);
      reference.start(time, at(index));
      born.add(at(index));
    } else if (kind === 'shares') {
      const index = which % scenario.cgroups.length;
      const group = groups.get(scenario.cgroups[index]?.name ?? '');
      if (group === undefined) continue;
      driver.reshare(index, 0, weight, now);
      reference.setShares(time, group, shareOf(weight));
    } else if (curr === null) {
      continue;
    } else if (kind === 'sleep') {
      reference.sleep(time);
      asleep.add(curr);
      leaves = 'asleep';
    } else if (kind === 'yield') {
      driver.giveWay(0, now);
      reference.yield(time);
      leaves = 'runnable';
    } else if (kind === 'nice') {
      if (nice === curr.nice) continue;
      driver.changePolicy(0, { ...schedOf(curr), nice }, now);
      reference.setNice(time, curr, nice);
      leaves = 'runnable';
    } else {
      leaves = 'runnable';
    }
    const say = (what: string) => `operation ${step}, ${kind} at ${now} ns: ${what}`;
    if (leaves === null) {
      if (driver.asked(0) !== reference.needResched) return say(`a reschedule is wanted: ${driver.asked(0)}`);
      if (reference.needResched && (!late || reference.curr === null)) leaves = 'runnable';
    }
    if (leaves !== null) {
      const chosen = driver.pick(0, leaves, now);
      const expected = reference.pick(time);
      if ((tasks[chosen] ?? null) !== expected) {
        return say(`${tasks[chosen]?.name ?? 'idle'} is chosen, not ${expected?.name ?? 'idle'}`);
      }
    }
    for (const [index, task] of tasks.entries()) {
      if (!born.has(task) || (!absolute && !task.onQueue)) continue;
      // Where an empty queue of EEVDF begins again means nothing: only distances on a queue do.
      const other = absolute ? null : tasks.findIndex((one) => one.onQueue && one.queue === task.queue);
      const origin = other === null ? 0n : vruntime(other);
      const expected = task.vruntime - (other === null ? 0n : at(other).vruntime);
      const actual = vruntime(index) - origin;
      if (actual !== expected) return say(`${task.name} is at ${actual}, not ${expected}`);
    }
  }
  return null;
}

/** Tasks that do nothing by themselves. */
export const passive = (spec: TaskSpec): TaskSpec => ({ ...spec, startNs: 2 ** 50, program: [{ op: 'exit' }] });
