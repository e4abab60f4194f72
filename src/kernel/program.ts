/**
 * Compiles task programs: the tree of steps becomes a flat list of instructions, names become numbers.
 */
import type { Duration, SchedSettings, Step } from '../scenario/scenario.js';
import { DISTRIBUTION, MISSED, MODE, OP, POLICY, type RecordOf, Table } from './tables.js';

/** Numbers for names, in order of first use. */
export class Names {
  readonly #numbers = new Map<string, number>();

  /** The number of a name. */
  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(name, number);
    return number;
  }

  get count(): number {
    return this.#numbers.size;
  }

  get names(): string[] {
    return [...this.#numbers.keys()];
  }
}

/** What the programs of a scenario share. */
export interface ProgramContext {
  instructions: Table<'InstructionTable'>;
  distributions: Distributions;
  /** Numbers of wait queues by kind and name: `mutex:m`, `condition:c`, `barrier:b`. */
  waitQueue: (name: string) => number;
  /** Number of a channel; `b`: how many guests have one like it each, numbered in order (0: it is no guest's). */
  channel: (name: string) => { a: number; b: number };
  sharedTimer: (name: string) => number;
  specIndex: (task: string) => number;
  recorder: (spec: number, name: string, binsUs: number) => number;
}

/** A compiled program: where it begins and what each task needs for it. */
export interface CompiledProgram {
  begin: number;
  timers: number;
  loops: number;
}

/** Durations, each different one once. */
export class Distributions {
  readonly table = new Table('DistributionTable');
  readonly values: number[] = [];
  readonly #known = new Map<string, number>();

  add(duration: Duration): number {
    const key = JSON.stringify(duration);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.table.add(this.#record(duration));
    this.#known.set(key, index);
    return index;
  }

  #record(duration: Duration): RecordOf<'DistributionTable'> {
    const kind = DISTRIBUTION[duration.kind];
    const record = { kind, a: 0, b: 0, c: 0, firstValue: 0, count: 0 };
    switch (duration.kind) {
      case 'fixed':
        return { ...record, a: duration.ns };
      case 'uniform':
        return { ...record, a: duration.minNs, b: duration.maxNs };
      case 'exponential':
        return { ...record, a: duration.meanNs };
      case 'lognormal':
        return { ...record, a: duration.medianNs, b: duration.sigma };
      case 'pareto':
        return { ...record, a: duration.minNs, b: duration.alpha, c: duration.maxNs };
      case 'empirical': {
        const firstValue = this.values.length;
        for (const value of duration.valuesNs) this.values.push(value);
        return { ...record, firstValue, count: duration.valuesNs.length };
      }
    }
  }
}

/** Numbers of a policy as the kernel's tables hold them: `prio` 0 is first. */
export function schedNumbers(sched: SchedSettings) {
  const realTime = sched.class === 'fifo' || sched.class === 'rr';
  return {
    policy: POLICY[sched.class],
    nice: sched.nice,
    prio: realTime ? 99 - sched.priority : sched.class === 'vmf' ? sched.priority : 0,
  };
}

/** A deadline task's reservation; zeros for others. */
export function reservationNumbers({ reservation }: SchedSettings) {
  return {
    dlRuntimeNs: reservation?.runtimeNs ?? 0,
    dlDeadlineNs: reservation?.deadlineNs ?? 0,
    dlPeriodNs: reservation?.periodNs ?? 0,
  };
}

/** Compiles the program of declaration number `spec`. */
export function compileProgram(
  program: Step[],
  spec: number,
  taskName: string,
  context: ProgramContext,
): CompiledProgram {
  const { instructions, distributions, waitQueue } = context;
  const ownTimers = new Names();
  let loops = 0;

  const emit = (op: number, fields: Partial<Omit<RecordOf<'InstructionTable'>, 'op'>> = {}): number =>
    instructions.add({ op, a: 0, b: 0, c: 0, distribution: -1, x: 0, y: 0, z: 0, ...fields });

  const steps = (list: Step[], depth: number): void => {
    for (const item of list) step(item, depth);
  };

  const loop = (times: number | null, body: Step[], depth: number): void => {
    if (times === null) {
      const begin = instructions.count;
      steps(body, depth);
      emit(OP.JUMP, { a: begin });
      return;
    }
    if (times === 0) return;
    loops = Math.max(loops, depth + 1);
    emit(OP.LOOP, { a: depth, b: times });
    const begin = instructions.count;
    steps(body, depth + 1);
    emit(OP.REPEAT, { a: depth, b: begin });
  };

  const step = (item: Step, depth: number): void => {
    switch (item.op) {
      case 'run':
        emit(OP.RUN, { a: MODE[item.mode], distribution: distributions.add(item.duration) });
        break;
      case 'busy':
        emit(OP.BUSY, { distribution: distributions.add(item.duration) });
        break;
      case 'sleep':
        emit(OP.SLEEP, { distribution: distributions.add(item.duration) });
        break;
      case 'timer':
        emit(OP.TIMER, {
          a: item.shared ? context.sharedTimer(item.timer) : ownTimers.of(item.timer),
          b: MISSED[item.missed],
          c: item.shared ? 1 : 0,
          x: item.periodNs,
          y: item.phaseNs ?? -1,
          z: item.distanceNs,
        });
        break;
      case 'stamp':
        emit(OP.STAMP);
        break;
      case 'record':
        emit(OP.RECORD, {
          a: context.recorder(spec, item.recorder, item.binsUs),
          b: item.since === 'stamp' ? 1 : 0,
        });
        break;
      case 'wait': {
        const mutex = item.mutex === null ? null : waitQueue(`mutex:${item.mutex}`);
        emit(OP.WAIT, { a: waitQueue(`condition:${item.condition}`), b: mutex === null ? 0 : mutex + 1 });
        if (mutex !== null) emit(OP.LOCK, { a: mutex });
        break;
      }
      case 'signal':
        emit(OP.SIGNAL, { a: waitQueue(`condition:${item.condition}`), b: item.all ? 1 : 0 });
        break;
      case 'lock':
        emit(OP.LOCK, { a: waitQueue(`mutex:${item.mutex}`) });
        break;
      case 'unlock':
        emit(OP.UNLOCK, { a: waitQueue(`mutex:${item.mutex}`) });
        break;
      case 'send':
        emit(OP.SEND, context.channel(item.channel));
        break;
      case 'receive':
        emit(OP.RECEIVE, context.channel(item.channel));
        break;
      case 'barrier':
        emit(OP.BARRIER, { a: waitQueue(`barrier:${item.barrier}`) });
        break;
      // As rt-app does it: a condition variable that belongs to the task; a resume that nobody waits for is lost.
      case 'suspend':
        emit(OP.WAIT, { a: waitQueue(`condition:suspend ${taskName}`) });
        break;
      case 'resume':
        emit(OP.SIGNAL, { a: waitQueue(`condition:suspend ${item.task}`), b: 1 });
        break;
      case 'fork':
        emit(OP.FORK, { a: context.specIndex(item.task) });
        break;
      case 'exec':
        emit(OP.EXEC);
        break;
      case 'yield':
        emit(OP.YIELD);
        break;
      case 'policy': {
        const { policy, nice, prio } = schedNumbers(item.sched);
        const { dlRuntimeNs: x, dlDeadlineNs: y, dlPeriodNs: z } = reservationNumbers(item.sched);
        emit(OP.POLICY, { a: policy, b: nice + 20, c: prio, x, y, z });
        break;
      }
      case 'vcpu':
        emit(OP.VCPU);
        break;
      case 'exit':
        emit(OP.EXIT);
        break;
      case 'loop':
        loop(item.times, item.body, depth);
        break;
    }
  };

  const begin = instructions.count;
  steps(program, 0);
  emit(OP.EXIT);
  return { begin, timers: ownTimers.count, loops };
}

/** Barriers of a program, so that their size can be counted. */
export function barriersOf(program: Step[]): Set<string> {
  const found = new Set<string>();
  const visit = (list: Step[]): void => {
    for (const step of list) {
      if (step.op === 'barrier') found.add(step.barrier);
      if (step.op === 'loop') visit(step.body);
    }
  };
  visit(program);
  return found;
}
