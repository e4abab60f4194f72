/**
 * The simulated scheduling classes without their event loop: a history is fed to them operation by operation (assembly/replay.ts).
 */
import type { Scenario, SchedSettings } from '../scenario/scenario.js';
import { compile } from './compile.js';
import { type Build, instantiate, type KernelExports } from './exports.js';
import { schedNumbers } from './program.js';

/** How a task leaves its CPU. */
const PREV = { runnable: 0, asleep: 1, dead: 2 } as const;
export type PrevState = keyof typeof PREV;

/** Tasks are numbers in the order of the scenario's declarations (each of one instance); −1 is a CPU's idle task. Times in ns. */
export class Driver {
  readonly #kernel: KernelExports;

  /** The scenario's tasks must not start by themselves: their start lies behind the end of the history. */
  constructor(scenario: Scenario, build: Build = 'release') {
    const { buffer } = compile(scenario, null);
    this.#kernel = instantiate(build);
    const address = this.#kernel.reserveInput(buffer.byteLength);
    new Float64Array(this.#kernel.memory.buffer, address, buffer.length).set(buffer);
    this.#kernel.setup(0, 0);
  }

  /** The CPU on which the task's class would wake it, or start it. */
  choose(task: number, waker: number, fork: boolean, atNs: number): number {
    return this.#kernel.replayChoose(task, waker, fork ? 1 : 0, atNs);
  }

  /** The task running on a CPU forks this one. */
  fork(task: number, cpu: number, atNs: number): void {
    this.#kernel.replayFork(task, cpu, atNs);
  }

  /** The task wakes, or starts, on a CPU; a new one has been forked before. */
  wake(task: number, cpu: number, fork: boolean, atNs: number): void {
    this.#kernel.replayWake(task, cpu, fork ? 1 : 0, atNs);
  }

  /** A waiting task is moved; nothing happens to one that runs or sleeps. */
  migrate(task: number, cpu: number, atNs: number): void {
    this.#kernel.replayMigrate(task, cpu, atNs);
  }

  tick(cpu: number, atNs: number): void {
    this.#kernel.replayTick(cpu, atNs);
  }

  /** Charges the running task for exactly `ranNs`. */
  charge(cpu: number, ranNs: number): void {
    this.#kernel.replayCharge(cpu, ranNs);
  }

  /** The running task calls sched_yield. */
  giveWay(cpu: number, atNs: number): void {
    this.#kernel.replayGiveWay(cpu, atNs);
  }

  /** The running task changes its policy, nice value or priority, after which a reschedule is always wanted. */
  changePolicy(cpu: number, sched: SchedSettings, atNs: number): void {
    const { policy, nice, prio } = schedNumbers(sched);
    this.#kernel.replayPolicy(cpu, policy, nice, prio, atNs);
  }

  /** Whether a reschedule is wanted there. */
  asked(cpu: number): boolean {
    return this.#kernel.replayAsked(cpu) !== 0;
  }

  /** From now on only charges let time pass: the history holds all of them. */
  exact(): void {
    this.#kernel.replayExact();
  }

  /** The running task leaves its CPU, or could; returns the task that would run next, and lets it. */
  pick(cpu: number, prevState: PrevState, atNs: number): number {
    return this.#kernel.replayPick(cpu, PREV[prevState], atNs);
  }

  /** After a pick: lets another task run instead. */
  force(cpu: number, task: number): void {
    this.#kernel.replayForce(cpu, task);
  }

  /**
   * The running task was chosen, and not `other`: moves the model's virtual times by as little as explains it, those of `other` if they are
   * known less well, but not by more than `limitNs`. Returns how much it takes, as running time in ns; infinite if virtual times do not
   * explain it.
   */
  followPick(task: number, other: number, moveOther: boolean, limitNs: number): number {
    return this.#kernel.replayFollowPick(task, other, moveOther ? 1 : 0, limitNs);
  }

  /** The same of a running task that had to give way to `other`. */
  followPreemption(task: number, other: number, moveOther: boolean, limitNs: number): number {
    return this.#kernel.replayFollowPreemption(task, other, moveOther ? 1 : 0, limitNs);
  }

  /** Moves a queued task, or the group that many levels above it, in virtual time. */
  shift(task: number, up: number, ns: number): void {
    this.#kernel.replayShift(task, up, ns);
  }

  /** Whether the task is runnable here, too. */
  queued(task: number): boolean {
    return this.#kernel.replayQueued(task) !== 0;
  }

  /** Runnable tasks of a CPU, the running one included. */
  runnable(cpu: number): number {
    return this.#kernel.replayRunnable(cpu);
  }

  /** As an unsigned 64-bit number. */
  vruntime(task: number): bigint {
    const word = (high: boolean) => BigInt(this.#kernel.replayVruntime(task, high ? 1 : 0) >>> 0);
    return (word(true) << 32n) | word(false);
  }

  /** Virtual time that running for `ranNs` is for the task. */
  virtualNs(task: number, ranNs: number): number {
    return this.#kernel.replayVirtual(task, ranNs);
  }

  /** Gives a task that has not run yet its vruntime, and its queue a min_vruntime. */
  place(task: number, vruntime: bigint, minVruntime: bigint): void {
    const low = (value: bigint) => Number(BigInt.asUintN(32, value)) | 0;
    const high = (value: bigint) => Number(BigInt.asUintN(32, value >> 32n)) | 0;
    this.#kernel.replayPlace(task, low(vruntime), high(vruntime), low(minVruntime), high(minVruntime));
  }
}
