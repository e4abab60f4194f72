/**
 * Negative controls: deliberately wrong simulations that validation must reject. A check that cannot fail is not a check.
 */
import type { Scenario, SchedSettings, TaskSpec } from '../scenario/scenario.js';
import { CONTROLLER } from './scenario.js';

/** A wrong policy, and the recorded cases whose gating figures show that it is wrong. */
export interface NegativeControl {
  name: string;
  description: string;
  cases: readonly string[];
  /** The task's settings under the wrong policy. */
  change: (sched: SchedSettings) => SchedSettings;
}

/**
 * Running S08's SCHED_IDLE hogs as SCHED_OTHER is not among them: that is S07, whose recorded shares and switches are the same, because a
 * light task that sleeps takes the CPU from either kind of hog.
 */
export const NEGATIVE_CONTROLS: readonly NegativeControl[] = [
  {
    name: 'no-nice',
    description: 'nice is ignored: 75 : 25 becomes 50 : 50',
    cases: ['S02'],
    change: (sched) => ({ ...sched, nice: 0 }),
  },
  {
    name: 'classes-swapped',
    description: 'SCHED_IDLE and SCHED_OTHER change places: the light task waits for the hogs',
    cases: ['S08'],
    change: swapClasses,
  },
  {
    name: 'real-time-idle',
    description: 'SCHED_FIFO runs as SCHED_IDLE: the light task waits for the hogs',
    cases: ['S10'],
    change: (sched) => (sched.class === 'fifo' ? { class: 'idle', nice: 0, priority: 0 } : sched),
  },
];

/** The scenario under the wrong policy. The controller stays as it is: it is no part of what is judged. */
export function negativeControl(scenario: Scenario, control: NegativeControl): Scenario {
  const wrong = (task: TaskSpec): TaskSpec =>
    task.name === CONTROLLER ? task : { ...task, sched: control.change(task.sched) };
  return { ...scenario, policy: control.name, tasks: scenario.tasks.map(wrong) };
}

function swapClasses(sched: SchedSettings): SchedSettings {
  if (sched.class === 'idle') return { ...sched, class: 'fair' };
  return sched.class === 'fair' ? { ...sched, class: 'idle' } : sched;
}
