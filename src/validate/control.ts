/**
 * Negative controls: deliberately wrong simulations that validation must reject. A check that cannot fail is not a check.
 */
import type { Kernel, Scenario, SchedSettings, TaskSpec } from '../scenario/scenario.js';

/** A wrong policy or kernel, and the recorded cases whose gating figures show that it is wrong. */
export interface NegativeControl {
  name: string;
  description: string;
  kernel: string;
  cases: readonly string[];
  /** The task's settings under the wrong policy. */
  sched?: (sched: SchedSettings) => SchedSettings;
  /** The preset of the wrong kernel. */
  wrongKernel?: string;
}

/**
 * Running S08's SCHED_IDLE hogs as SCHED_OTHER is not among them: that is S07, whose recorded shares and switches are the same, because a
 * light task that sleeps takes the CPU from either kind of hog.
 */
export const NEGATIVE_CONTROLS: readonly NegativeControl[] = [
  {
    name: 'no-nice',
    description: 'nice is ignored: 75 : 25 becomes 50 : 50',
    kernel: 'linux-6.1',
    cases: ['S02'],
    sched: (sched) => ({ ...sched, nice: 0 }),
  },
  {
    name: 'classes-swapped',
    description: 'SCHED_IDLE and SCHED_OTHER change places: the light task waits for the hogs',
    kernel: 'linux-6.1',
    cases: ['S08'],
    sched: swapClasses,
  },
  {
    name: 'real-time-idle',
    description: 'SCHED_FIFO runs as SCHED_IDLE: the light task waits for the hogs',
    kernel: 'linux-6.1',
    cases: ['S10'],
    sched: (sched) => (sched.class === 'fifo' ? { ...sched, class: 'idle', priority: 0 } : sched),
  },
  {
    name: '6.1-as-eevdf',
    description: 'CFS was recorded, EEVDF is simulated: light tasks wait for ticks',
    kernel: 'linux-6.1',
    cases: ['S33', 'S35'],
    wrongKernel: 'linux-6.12',
  },
  {
    name: '6.12-as-cfs',
    description: 'EEVDF was recorded, CFS is simulated: light tasks preempt at once',
    kernel: 'linux-6.12',
    cases: ['S33', 'S35'],
    wrongKernel: 'linux-6.1',
  },
  {
    name: 'bt-as-idle',
    description: 'SCHED_BT runs as SCHED_IDLE: it gets a share beside CFS, and no budget throttles it',
    kernel: 'tk3-4.14',
    cases: ['B04', 'B04c', 'B03'],
    sched: (sched) => (sched.class === 'bt' ? { ...sched, class: 'idle' } : sched),
  },
];

/** The scenario under the wrong policy or kernel. What runs besides the scenario stays as it is: it is no part of what is judged. */
export function negativeControl(
  scenario: Scenario,
  control: NegativeControl,
  loadKernel: (name: string) => Kernel,
): Scenario {
  const { sched, wrongKernel } = control;
  const wrong = (task: TaskSpec): TaskSpec =>
    sched === undefined || task.name.startsWith('~') ? task : { ...task, sched: sched(task.sched) };
  return {
    ...scenario,
    policy: control.name,
    kernel: wrongKernel === undefined ? scenario.kernel : loadKernel(wrongKernel),
    tasks: scenario.tasks.map(wrong),
  };
}

function swapClasses(sched: SchedSettings): SchedSettings {
  if (sched.class === 'idle') return { ...sched, class: 'fair' };
  return sched.class === 'fair' ? { ...sched, class: 'idle' } : sched;
}
