/** RUE's threads: tasks of the machine like others, which compete for its CPUs. */
import { Rq } from '../../sched/rq';
import { Task } from '../../task/task';
import { asyncStep } from './async';
import { controllerStep } from './controller';
import { latencyStep } from './latency';
import { workerStep } from './worker';

/** Which thread: InstructionTable.a; src/kernel/rue.ts says the same. */
export namespace Thread {
  export const CONTROLLER: u32 = 0;
  export const WORKER: u32 = 1;
  export const ASYNC: u32 = 2;
  export const LATENCY: u32 = 3;
}

/** Goes on with a thread until it has work, or sleeps. */
export function rueStep(rq: Rq, task: Task, thread: u32): bool {
  switch (thread) {
    case Thread.CONTROLLER:
      return controllerStep(rq, task);
    case Thread.WORKER:
      return workerStep(rq, task);
    case Thread.ASYNC:
      return asyncStep(rq, task);
    default:
      return latencyStep(rq, task);
  }
}
