/**
 * A simulation: one scenario, one seed, one instance of the simulated kernel. The only place that knows both sides of the boundary.
 */
import { SimulationError } from '../errors.js';
import type { MemoryResult, RecorderResult, Result, TaskResult } from '../results/result.js';
import type { Scenario } from '../scenario/scenario.js';
import { type CompiledScenario, compile, type TraceWindow } from './compile.js';
import { type Build, instantiate, type KernelExports } from './exports.js';
import { withKswapd } from './memory.js';
import { CPU_NUMBERS, Memory, readMemory, readTrace, SPEC_NUMBERS } from './observations.js';

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
  #nowNs = 0;
  #memoryBefore: MemoryResult | null = null;

  private constructor(
    readonly scenario: Scenario,
    readonly seed: number,
    readonly options: SimulationOptions,
  ) {
    this.#compiled = compile(scenario, options.trace ?? null);
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
    if (this.#kernel.run(untilNs) === 0) throw this.#failure();
    this.#nowNs = untilNs;
  }

  #failure(): SimulationError {
    const { name } = this.scenario;
    const tasks = withKswapd(this.scenario);
    const task = tasks[this.#kernel.failedSpec()]?.name ?? 'idle';
    const pool = tasks[this.#kernel.failedPool()];
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
        : `${name}: task ${task} forked, but all of the pool of ${pool.name} (count: ${pool.count}) are alive`,
    );
  }

  /** Simulates up to `untilNs` and notes what the memory side has counted by then. */
  warmUp(untilNs: number): void {
    this.run(untilNs);
    this.#memoryBefore = this.memory();
  }

  /** What the memory side has counted so far. */
  memory(): MemoryResult {
    const { groups } = this.#compiled;
    return readMemory(this.#kernel, new Memory(this.#kernel.memory), groups, this.scenario.rue !== undefined);
  }

  /** Ends the simulation and reads all that was observed. */
  result(): Result {
    const kernel = this.#kernel;
    const { scenario } = this;
    kernel.finish(this.#nowNs);
    const memory = new Memory(kernel.memory);
    const numbers = <Name extends string>(names: readonly Name[], read: (what: number) => number) =>
      Object.fromEntries(names.map((name, what) => [name, read(what)])) as Record<Name, number>;
    const tasks: TaskResult[] = withKswapd(scenario).map((task, index) => ({
      name: task.name,
      role: task.role,
      count: task.count,
      ...numbers(SPEC_NUMBERS, (what) => kernel.specNumber(index, what)),
      wakeupLatency: memory.histogram(kernel.specHistogram(index, 0)),
      runSegment: memory.histogram(kernel.specHistogram(index, 1)),
      preemptedWait: memory.histogram(kernel.specHistogram(index, 2)),
    }));
    const cpus = Array.from({ length: scenario.machine.cpus }, (_, cpu) => ({
      cpu,
      ...numbers(CPU_NUMBERS, (what) => kernel.cpuNumber(cpu, what)),
    }));
    const recorders: RecorderResult[] = this.#compiled.recorders.map(({ spec, name, binsUs }, index) => ({
      task: scenario.tasks[spec]?.name ?? '',
      recorder: name,
      latency: memory.histogram(kernel.recorderHistogram(index)),
      worst: {
        atNs: kernel.recorderWorst(index, 0),
        instance: kernel.recorderWorst(index, 1),
        latencyNs: kernel.recorderWorst(index, 2),
      },
      threads:
        binsUs > 0 ? memory.threads(kernel.recorderThreads(index), scenario.tasks[spec]?.count ?? 0, binsUs) : [],
    }));
    return {
      scenario: scenario.name,
      policy: scenario.policy,
      kernel: scenario.kernel.name,
      machine: scenario.machine.name,
      seed: this.seed,
      durationNs: this.#nowNs,
      events: this.events,
      switches: cpus.reduce((sum, cpu) => sum + cpu.switches, 0),
      tasks,
      cpus,
      recorders,
      ...(this.scenario.memory === undefined ? {} : { memory: this.memory() }),
      ...(this.#memoryBefore === null ? {} : { memoryBefore: this.#memoryBefore }),
      trace: readTrace(memory, kernel, this.options.trace?.capacity ?? 0, this.#names()),
    };
  }

  /** Names of tasks (`name` or `name/instance`), idle tasks and stoppers, noise sources and recorders. */
  #names() {
    const { machine } = this.scenario;
    const tasks = withKswapd(this.scenario);
    const first: number[] = [];
    let total = 0;
    for (const task of tasks) {
      first.push(total);
      total += task.count;
    }
    return {
      task: (id: number): string => {
        if (id >= total + machine.cpus) return `migration/${id - total - machine.cpus}`;
        if (id >= total) return `swapper/${id - total}`;
        const spec = this.#kernel.specOfTask(id);
        const task = tasks[spec];
        if (task === undefined) return `task ${id}`;
        return task.count === 1 ? task.name : `${task.name}/${id - (first[spec] ?? 0)}`;
      },
      noise: (source: number): string => machine.noise[source]?.name ?? `irq ${source}`,
      recorder: (index: number): string => this.#compiled.recorders[index]?.name ?? `recorder ${index}`,
    };
  }
}

/** Runs a whole scenario. */
export function simulate(scenario: Scenario, seed: number, options: SimulationOptions = {}): Result {
  const simulation = Simulation.create(scenario, seed, options);
  const warmupNs = scenario.memory?.warmupNs ?? 0;
  if (warmupNs > 0 && warmupNs < scenario.durationNs) simulation.warmUp(warmupNs);
  simulation.run(scenario.durationNs);
  return simulation.result();
}
