/**
 * A simulation: one scenario, one seed, one instance of the simulated kernel. The only place that knows both sides of the boundary.
 */
import { SimulationError } from '../errors.js';
import { grouped, mergeRecorders, mergeTasks } from '../results/merge.js';
import type {
  GuestResult,
  MemoryResult,
  PressureResult,
  RecorderResult,
  Result,
  TaskResult,
} from '../results/result.js';
import type { Guest, Scenario, TaskSpec } from '../scenario/scenario.js';
import { type CompiledScenario, compile, type TraceWindow } from './compile.js';
import { type Build, instantiate, type KernelExports } from './exports.js';
import { CPU_NUMBERS, Memory, readMemory, readTrace, SPEC_NUMBERS, VCPU_NUMBERS } from './observations.js';
import { observesPressure, readPressure } from './pressure.js';
import { firstCpus, systemsOf } from './systems.js';

/** Messages under way at a time; assembly/task/message.ts says the same. */
const MESSAGES = 2 ** 18;

export interface SimulationOptions {
  /** Default `release`. */
  build?: Build;
  /** Default: no trace. */
  trace?: TraceWindow;
}

export class Simulation {
  readonly #kernel: KernelExports;
  readonly #compiled: CompiledScenario;
  /** All declarations in the kernel's order, under the names of their results. */
  readonly #declarations: Array<{ name: string; prefix: string; instance: number; task: TaskSpec }>;
  #nowNs = 0;
  #memoryBefore: MemoryResult | null = null;
  #pressureBefore: PressureResult | null = null;
  #pressureReads = 0;

  private constructor(
    readonly scenario: Scenario,
    readonly seed: number,
    readonly options: SimulationOptions,
  ) {
    this.#compiled = compile(scenario, options.trace ?? null);
    this.#declarations = systemsOf(scenario).flatMap(({ guest, instance, prefix, tasks }) =>
      tasks.map((task) => ({ name: guest === null ? task.name : `${guest}/${task.name}`, prefix, instance, task })),
    );
    this.#kernel = instantiate(options.build ?? 'release');
    const { buffer } = this.#compiled;
    try {
      const address = this.#kernel.reserveInput(buffer.byteLength);
      new Float64Array(this.#kernel.memory.buffer, address, buffer.length).set(buffer);
      this.#kernel.setup(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      throw new SimulationError(`${scenario.name}: the machine and its tasks do not fit into 4 GiB of memory`);
    }
  }

  /** Sets a simulation up at time 0. */
  static create(scenario: Scenario, seed: number, options: SimulationOptions = {}): Simulation {
    return new Simulation(scenario, seed, options);
  }

  /** Events handled so far: timer expiries, ticks, ends of run segments, interrupts. */
  get events(): number {
    return this.#kernel.events();
  }

  /** Size of the kernel's memory; constant after set-up. */
  get memoryBytes(): number {
    return this.#kernel.memory.buffer.byteLength;
  }

  /** Simulates up to `untilNs`. Throws SimulationError when virtual time does not go on. */
  run(untilNs: number): void {
    for (const reads = this.scenario.pressureReadsNs ?? []; ; this.#pressureReads++) {
      const at = reads[this.#pressureReads] ?? Infinity;
      if (at >= untilNs) break;
      this.#runTo(at);
      this.pressure();
    }
    this.#runTo(untilNs);
  }

  #runTo(untilNs: number): void {
    if (this.#kernel.run(untilNs) === 0) throw this.#failure();
    this.#nowNs = untilNs;
  }

  #failure(): SimulationError {
    const { name } = this.scenario;
    const task = this.#declarations[this.#kernel.failedSpec()]?.name ?? 'idle';
    const pool = this.#declarations[this.#kernel.failedPool()];
    if (this.#kernel.failedMemory() !== 0) {
      const why = 'no memory is left, none can be freed, and no task may be killed';
      return new SimulationError(`${name}: task ${task} waits for a page: ${why}`);
    }
    if (this.#kernel.failedMessages() !== 0) {
      return new SimulationError(
        `${name}: task ${task} sent a message, but ${MESSAGES} are under way: they come faster than they are received`,
      );
    }
    return new SimulationError(
      pool === undefined
        ? `${name}: no progress: task ${task} keeps virtual time from going on`
        : `${name}: task ${task} forked, but all of the pool of ${pool.name} (count: ${pool.task.count}) are alive`,
    );
  }

  /** Simulates up to `untilNs` and notes what memory and pressure have come to by then. */
  warmUp(untilNs: number): void {
    this.run(untilNs);
    this.#memoryBefore = this.memory();
    if (observesPressure(this.scenario)) this.#pressureBefore = this.pressure();
  }

  /** What the memory side has counted so far. */
  memory(): MemoryResult {
    const { groups } = this.#compiled;
    return readMemory(this.#kernel, new Memory(this.#kernel.memory), groups, this.scenario.rue !== undefined);
  }

  /** What the pressure files say now. */
  pressure(): PressureResult {
    return readPressure(this.#kernel, this.#compiled.groups, this.#nowNs);
  }

  /** Ends the simulation and reads all that was observed. */
  result(): Result {
    const kernel = this.#kernel;
    const { scenario } = this;
    kernel.finish(this.#nowNs);
    const memory = new Memory(kernel.memory);
    const cpus = Array.from({ length: scenario.machine.cpus }, (_, cpu) => ({
      cpu,
      ...numbers(CPU_NUMBERS, (what) => kernel.cpuNumber(cpu, what)),
    }));
    const guests = scenario.guests.map((guest) => this.#guest(guest));
    return {
      scenario: scenario.name,
      policy: scenario.policy,
      kernel: scenario.kernel.name,
      machine: scenario.machine.name,
      seed: this.seed,
      durationNs: this.#nowNs,
      events: this.events,
      switches: [...cpus, ...guests].reduce((sum, { switches }) => sum + switches, 0),
      tasks: this.#tasks(memory),
      cpus,
      guests,
      recorders: this.#recorders(memory),
      ...(scenario.memory === undefined ? {} : { memory: this.memory() }),
      ...(this.#memoryBefore === null ? {} : { memoryBefore: this.#memoryBefore }),
      ...(observesPressure(scenario) ? { pressure: this.pressure() } : {}),
      ...(this.#pressureBefore === null ? {} : { pressureBefore: this.#pressureBefore }),
      trace: readTrace(memory, kernel, this.options.trace?.capacity ?? 0, this.#names()),
    };
  }

  /** What was observed of tasks; of all instances of a guest together. */
  #tasks(memory: Memory): TaskResult[] {
    const kernel = this.#kernel;
    const results = this.#declarations.map(({ name, task }, index) => ({
      name,
      role: task.role,
      count: task.count,
      ...numbers(SPEC_NUMBERS, (what) => kernel.specNumber(index, what)),
      wakeupLatency: memory.histogram(kernel.specHistogram(index, 0)),
      runSegment: memory.histogram(kernel.specHistogram(index, 1)),
      preemptedWait: memory.histogram(kernel.specHistogram(index, 2)),
    }));
    return grouped(results, ({ name }) => name).map(mergeTasks);
  }

  #recorders(memory: Memory): RecorderResult[] {
    const kernel = this.#kernel;
    const results = this.#compiled.recorders.map(({ spec, name, binsUs }, index) => {
      const declaration = this.#declarations[spec];
      const count = declaration?.task.count ?? 0;
      return {
        task: declaration?.name ?? '',
        recorder: name,
        latency: memory.histogram(kernel.recorderHistogram(index)),
        worst: {
          atNs: kernel.recorderWorst(index, 0),
          instance: kernel.recorderWorst(index, 1) + (declaration?.instance ?? 0) * count,
          latencyNs: kernel.recorderWorst(index, 2),
        },
        threads: binsUs > 0 ? memory.threads(kernel.recorderThreads(index), count, binsUs) : [],
      };
    });
    return grouped(results, ({ task, recorder }) => JSON.stringify([task, recorder])).map(mergeRecorders);
  }

  #guest({ name, count, machine }: Guest): GuestResult {
    const systems = systemsOf(this.scenario);
    const first = firstCpus(systems)[systems.findIndex(({ guest }) => guest === name)] ?? 0;
    const vcpus = count * machine.cpus;
    const all = Array.from({ length: vcpus }, (_, vcpu) => ({
      ...numbers(CPU_NUMBERS, (what) => this.#kernel.cpuNumber(first + vcpu, what)),
      ...numbers(VCPU_NUMBERS, (what) => this.#kernel.vcpuNumber(first + vcpu, what)),
    }));
    const sum = (of: keyof (typeof all)[number]): number => all.reduce((total, vcpu) => total + vcpu[of], 0);
    return {
      name,
      vcpus,
      idleNs: sum('idleNs'),
      haltedNs: sum('haltedNs'),
      stealNs: sum('stealNs'),
      hostNs: sum('hostNs'),
      switches: sum('switches'),
      ticks: sum('ticks'),
      exits: sum('exits'),
      halts: sum('halts'),
      polls: sum('polls'),
    };
  }

  /** Names of tasks (`name` or `name/instance`), idle tasks and stoppers, noise sources and recorders. */
  #names() {
    const { machine } = this.scenario;
    const first: number[] = [];
    let total = 0;
    for (const { task } of this.#declarations) {
      first.push(total);
      total += task.count;
    }
    const systems = systemsOf(this.scenario);
    const firstCpu = firstCpus(systems);
    const cpus = systems.reduce((sum, system) => sum + system.machine.cpus, 0);
    /** A CPU's number in its kernel, behind the name of its guest. */
    const perCpu = (name: string, cpu: number): string => {
      const system = firstCpu.findLastIndex((begin) => begin <= cpu);
      return `${systems[system]?.prefix ?? ''}${name}/${cpu - (firstCpu[system] ?? 0)}`;
    };
    return {
      group: (index: number): string | null => this.#compiled.groups[index - 1] ?? null,
      task: (id: number): string => {
        if (id >= total + cpus) return perCpu('migration', id - total - cpus);
        if (id >= total) return perCpu('swapper', id - total);
        const spec = this.#kernel.specOfTask(id);
        const declaration = this.#declarations[spec];
        if (declaration === undefined) return `task ${id}`;
        const name = `${declaration.prefix}${declaration.task.name}`;
        return declaration.task.count === 1 ? name : `${name}/${id - (first[spec] ?? 0)}`;
      },
      noise: (source: number): string => machine.noise[source]?.name ?? `irq ${source}`,
      recorder: (index: number): string => this.#compiled.recorders[index]?.name ?? `recorder ${index}`,
    };
  }
}

/** Numbers that are read one by one, under their names. */
const numbers = <Name extends string>(names: readonly Name[], read: (what: number) => number) =>
  Object.fromEntries(names.map((name, what) => [name, read(what)])) as Record<Name, number>;

/** Runs a whole scenario. */
export function simulate(scenario: Scenario, seed: number, options: SimulationOptions = {}): Result {
  const simulation = Simulation.create(scenario, seed, options);
  const warmupNs = scenario.memory?.warmupNs ?? 0;
  if (warmupNs > 0 && warmupNs < scenario.durationNs) simulation.warmUp(warmupNs);
  simulation.run(scenario.durationNs);
  return simulation.result();
}
