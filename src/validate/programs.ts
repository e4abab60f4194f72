/**
 * The behaviours of recorded tasks as task programs; validation/recordings/tools/scn.c is what really ran.
 */
import type { Duration, SchedSettings, Step } from '../scenario/scenario.js';
import type { ProgramCosts } from './costs.js';
import type { RecordedTask } from './recordings.js';

/** All children of forking tasks bear this name in the recordings. */
const CHILD_NAME = 'fchild';

/** The children of one of them, as simulated. */
export function childrenOf(parent: string): string {
  return `${CHILD_NAME} of ${parent}`;
}

/** The name in a recording of a simulated task. */
export function recordedName(name: string): string {
  return name.startsWith(childrenOf('')) ? CHILD_NAME : name;
}

const NS_PER_US = 1_000;
/** A hog never stops; it is cut in pieces only because a step needs a length. */
const HOG_PIECE_NS = 1e9;

/** The endless program of a task that begins at `startNs` after T0. */
export function programOf({ name, behaviour }: RecordedTask, startNs: number, costs: ProgramCosts): Step[] {
  switch (behaviour.type) {
    case 'hog':
      return [forever([run(HOG_PIECE_NS / NS_PER_US)])];
    case 'runsleep':
      return [forever([...burn(behaviour.run_us), { op: 'sleep', duration: fixedUs(behaviour.sleep_us) }])];
    case 'periodic':
    case 'periodic_skip':
      return [
        forever([
          timer(
            behaviour.period_us,
            startNs + behaviour.phase_us * NS_PER_US,
            behaviour.type === 'periodic' ? 'keep' : 'skip',
          ),
          ...burn(behaviour.run_us),
        ]),
      ];
    case 'fork': {
      const fork: Step = { op: 'fork', task: childrenOf(name) };
      const forks = Array.from({ length: behaviour.nchild }, () => [...inKernel(costs.forkNs), fork]);
      return [forever([timer(behaviour.period_us, startNs, 'keep'), ...forks.flat()])];
    }
    case 'pingpong_a':
      return [
        forever([
          ...burn(behaviour.run_us),
          ...inKernel(costs.writeNs),
          { op: 'send', channel: 'a-to-b' },
          ...inKernel(costs.readNs),
          { op: 'receive', channel: 'b-to-a' },
        ]),
      ];
    case 'pingpong_b':
      return [
        forever([
          ...inKernel(costs.readNs),
          { op: 'receive', channel: 'a-to-b' },
          ...burn(behaviour.run_us),
          ...inKernel(costs.writeNs),
          { op: 'send', channel: 'b-to-a' },
        ]),
      ];
  }
}

/** A child of a forking task: burns and exits. */
export function childProgram(runUs: number, costs: ProgramCosts): Step[] {
  return [...inKernel(costs.childNs), ...burn(runUs), { op: 'exit' }];
}

/** Sleeps until `startNs` after T0, as tasks that begin later do once the controller has woken them. */
export function sleepUntil(startNs: number): Step[] {
  if (startNs === 0) return [];
  return [{ op: 'timer', timer: 'start', shared: false, periodNs: startNs, phaseNs: 0, distanceNs: 0, missed: 'keep' }];
}

/** Scheduling settings of a recorded policy. `cgbt` only joins an offline cgroup, which makes it BT. */
export function schedOf({ policy, nice, rtprio }: RecordedTask): SchedSettings {
  switch (policy) {
    case 'fifo':
    case 'rr':
      return { class: policy, nice: 0, priority: rtprio };
    case 'batch':
    case 'idle':
    case 'bt':
      return { class: policy, nice, priority: 0 };
    case 'cgbt':
      return { class: 'bt', nice, priority: 0 };
    case 'other':
      return { class: 'fair', nice, priority: 0 };
  }
}

function timer(periodUs: number, phaseNs: number, missed: 'keep' | 'skip'): Step {
  return {
    op: 'timer',
    timer: 'period',
    shared: false,
    periodNs: periodUs * NS_PER_US,
    phaseNs,
    distanceNs: 0,
    missed,
  };
}

function inKernel(ns: number): Step[] {
  return ns === 0 ? [] : [{ op: 'run', mode: 'kernel', duration: { kind: 'fixed', ns } }];
}

function forever(body: Step[]): Step {
  return { op: 'loop', times: null, body };
}

function burn(us: number): Step[] {
  return us === 0 ? [] : [run(us)];
}

function run(us: number): Step {
  return { op: 'run', mode: 'user', duration: fixedUs(us) };
}

function fixedUs(us: number): Duration {
  return { kind: 'fixed', ns: Math.round(us * NS_PER_US) };
}
