/**
 * Compiles task programs: the tree of steps becomes a flat list of instructions, names become numbers.
 */
import {
  type ChannelIndex,
  type Duration,
  type MemoryStep,
  type SchedSettings,
  type Step,
  stepsOf,
  type TaskSpec,
} from '../scenario/scenario.js';
import {
  ACCESS,
  CHANNEL,
  DISTRIBUTION,
  GFP,
  instruction,
  MISSED,
  MODE,
  OP,
  POLICY,
  type RecordOf,
  SINCE,
  Table,
} from './tables.js';

/** Numbers for names, in order of first use. */
export class Names {
  readonly #numbers = new Map<string, number>();
  #count = 0;

  /** The number of a name, or the first of `size` numbers of it. */
  of(name: string, size = 1): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#count;
    this.#numbers.set(name, number);
    this.#count += size;
    return number;
  }

  get count(): number {
    return this.#count;
  }
}

/** Numbers of names. */
export type Numbers = Pick<Names, 'of'>;

/** What the programs of a kernel share. */
export interface ProgramContext {
  instructions: Table<'InstructionTable'>;
  distributions: Distributions;
  /** Wait queues by kind and name: `mutex:m`, `condition:c`, `channel:q`, `barrier:b`. */
  waitQueues: Numbers;
  /** How many channels of an array there are. */
  channels: ReadonlyMap<string, number>;
  /** A channel of guests, one for each of them; null: it is this kernel's own. */
  guestChannels: (name: string) => { first: number; size: number } | null;
  sharedTimers: Numbers;
  specIndex: (task: string) => number;
  recorder: (spec: number, name: string, binsUs: number) => number;
  /** The number of the pages that a memory step goes through, among those of its task. */
  view: (step: MemoryStep) => number;
  /** The number of one without pages: a step with pages of the kernel. */
  noView: () => number;
  /** Whether the task has memory to give back. */
  unmaps: boolean;
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
  const { instructions, distributions, waitQueues } = context;
  const ownTimers = new Names();
  let loops = 0;

  const emit = (op: number, fields: Partial<Omit<RecordOf<'InstructionTable'>, 'op'>> = {}): number =>
    instructions.add(instruction(op, fields));

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

  const channel = ({ channel: name, index }: { channel: string; index?: ChannelIndex | undefined }) => {
    const ofGuests = context.guestChannels(name);
    if (ofGuests !== null) return { a: ofGuests.first, b: CHANNEL.own, c: ofGuests.size };
    const size = context.channels.get(name) ?? 1;
    const first = waitQueues.of(`channel:${name}`, size);
    if (typeof index === 'string') return { a: first, b: CHANNEL[index], c: size };
    if (typeof index === 'object') return { a: first, b: CHANNEL.own, c: size, y: index.own };
    return { a: first + (index ?? 0) };
  };

  const step = (item: Step, depth: number): void => {
    switch (item.op) {
      case 'run':
        emit(OP.RUN, { a: MODE[item.mode], distribution: distributions.add(item.duration), x: item.eachNs ?? 0 });
        break;
      case 'busy':
        emit(OP.BUSY, { distribution: distributions.add(item.duration) });
        break;
      case 'sleep':
        emit(OP.SLEEP, { distribution: distributions.add(item.duration) });
        break;
      case 'timer':
        emit(OP.TIMER, {
          a: (item.shared ? context.sharedTimers : ownTimers).of(item.timer),
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
      case 'arrive':
        emit(OP.ARRIVE, { a: ownTimers.of('arrivals'), distribution: distributions.add(item.gap) });
        break;
      case 'mark':
        emit(OP.MARK);
        break;
      case 'key':
        emit(OP.KEY, { distribution: distributions.add({ kind: 'empirical', valuesNs: item.values }) });
        break;
      case 'record':
        emit(OP.RECORD, {
          a: context.recorder(spec, item.recorder, item.binsUs),
          b: SINCE[item.since],
        });
        break;
      case 'wait': {
        const mutex = item.mutex === null ? null : waitQueues.of(`mutex:${item.mutex}`);
        emit(OP.WAIT, { a: waitQueues.of(`condition:${item.condition}`), b: mutex === null ? 0 : mutex + 1 });
        if (mutex !== null) emit(OP.LOCK, { a: mutex });
        break;
      }
      case 'signal':
        emit(OP.SIGNAL, { a: waitQueues.of(`condition:${item.condition}`), b: item.all ? 1 : 0 });
        break;
      case 'lock':
        emit(OP.LOCK, { a: waitQueues.of(`mutex:${item.mutex}`) });
        break;
      case 'unlock':
        emit(OP.UNLOCK, { a: waitQueues.of(`mutex:${item.mutex}`) });
        break;
      case 'send':
        emit(OP.SEND, channel(item));
        break;
      case 'receive':
        emit(OP.RECEIVE, { ...channel(item), x: item.batch ?? 1 });
        break;
      case 'serve': {
        const a = readyFibers(taskName, waitQueues);
        emit(OP.UNPARK, { a });
        emit(OP.SERVE, { a });
        break;
      }
      case 'barrier':
        emit(OP.BARRIER, { a: waitQueues.of(`barrier:${item.barrier}`) });
        break;
      // As rt-app does it: a condition variable that belongs to the task; a resume that nobody waits for is lost.
      case 'suspend':
        emit(OP.WAIT, { a: waitQueues.of(`condition:suspend ${taskName}`) });
        break;
      case 'resume':
        emit(OP.SIGNAL, { a: waitQueues.of(`condition:suspend ${item.task}`), b: 1 });
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
      case 'memory':
        emit(OP.MEMORY, {
          a: context.view(item),
          b: item.recorder === null ? 0 : context.recorder(spec, item.recorder, 0) + 1,
          c: ACCESS[item.access],
          x: item.access === 'fill' ? item.freePages : item.times,
          y: item.chunk,
        });
        break;
      case 'alloc':
        emit(OP.MEMORY, {
          a: context.noView(),
          b: item.recorder === null ? 0 : context.recorder(spec, item.recorder, 0) + 1,
          c: ACCESS.alloc,
          x: item.times,
          y: item.order,
          z: GFP[item.gfp],
        });
        break;
      case 'release':
        emit(OP.MEMORY, { a: context.noView(), c: ACCESS.release });
        break;
      case 'kswapd':
        emit(OP.KSWAPD);
        break;
      case 'flusher':
        emit(OP.FLUSHER, { a: item.device });
        break;
      case 'kcompactd':
        emit(OP.KCOMPACTD);
        break;
      case 'vmpressure':
        emit(OP.VMPRESSURE);
        break;
      case 'rue':
        emit(OP.RUE, { a: item.thread });
        break;
      case 'exit':
        if (context.unmaps) emit(OP.UNMAP);
        emit(OP.EXIT);
        break;
      case 'loop':
        loop(item.times, item.body, depth);
        break;
    }
  };

  const begin = instructions.count;
  steps(program, 0);
  if (context.unmaps) emit(OP.UNMAP);
  emit(OP.EXIT);
  return { begin, timers: ownTimers.count, loops };
}

/** The queue of ready fibers of a task's threads; the next number is that of its parked threads. */
export function readyFibers(task: string, waitQueues: Numbers): number {
  return waitQueues.of(`fibers:${task}`, 2);
}

/** How many channels each array has: as many as there are instances that receive from one of their own, or as numbers go. */
export function channelSizes(tasks: readonly TaskSpec[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { program, count } of tasks) {
    for (const step of stepsOf(program)) {
      if (step.op !== 'send' && step.op !== 'receive') continue;
      sizes.set(step.channel, Math.max(channelsUsed(step.index, count), sizes.get(step.channel) ?? 1));
    }
  }
  return sizes;
}

/** How many channels an index of `count` instances asks for. */
function channelsUsed(index: ChannelIndex | undefined, count: number): number {
  if (typeof index === 'number') return index + 1;
  if (typeof index === 'object') return index.own + count;
  return index === 'own' ? count : 1;
}

/** Whether a step asks for messages that have an identity. */
export function asksForIdentity(step: Step): boolean {
  switch (step.op) {
    case 'arrive':
    case 'mark':
    case 'key':
      return true;
    case 'record':
      return step.since === 'mark';
    case 'run':
      return step.eachNs !== undefined;
    case 'send':
    case 'receive':
      return step.index !== undefined || (step.op === 'receive' && step.batch !== undefined);
    default:
      return false;
  }
}

/** Barriers of a program, so that their size can be counted. */
export function barriersOf(program: Step[]): Set<string> {
  return new Set([...stepsOf(program)].flatMap((step) => (step.op === 'barrier' ? [step.barrier] : [])));
}
