/**
 * The simulated scheduling classes without their event loop: a history is fed to them operation by operation (assembly/replay.ts).
 */
import type { Scenario } from '../scenario/scenario.js';
import { compile } from './compile.js';
import { type Build, instantiate, type KernelExports } from './exports.js';
import { sharesOf } from './machine_tables.js';

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

  /** Whether a tick then would be answered otherwise `slackNs` earlier or later. */
  hangs(cpu: number, atNs: number, slackNs: number): boolean {
    return this.#kernel.replayHangs(cpu, atNs, slackNs) !== 0;
  }

  /** The task runs although its group is throttled here: true if it lacked less than `slackNs` of its quota, which it has now. */
  lend(task: number, slackNs: number): boolean {
    return this.#kernel.replayLend(task, slackNs) !== 0;
  }

  /** The task waits, not chosen: true if its group had less than `slackNs` left of its quota, and is throttled now. */
  drain(task: number, slackNs: number): boolean {
    return this.#kernel.replayDrain(task, slackNs) !== 0;
  }

  /** A BT task waits while its CPU idles: its class is throttled now, having run for `overNs` more than its budget. False: it has none. */
  spend(task: number, cpu: number, overNs: number): boolean {
    return this.#kernel.replaySpend(task, cpu, overNs) !== 0;
  }

  /** A BT task that is about to wake on another CPU will lie far behind (migrate_task_rq_bt), nobody knows how far. */
  stray(task: number): void {
    this.#kernel.replayStray(task);
  }

  /** Charges the running task for exactly `ranNs`. */
  charge(cpu: number, ranNs: number): void {
    this.#kernel.replayCharge(cpu, ranNs);
  }

  /** The running task calls sched_yield. */
  giveWay(cpu: number, atNs: number): void {
    this.#kernel.replayGiveWay(cpu, atNs);
  }

  /** The running task changes its nice value, after which a reschedule is always wanted. */
  renice(cpu: number, nice: number, atNs: number): void {
    this.#kernel.replayRenice(cpu, nice, atNs);
  }

  /** A group's cpu.weight is written; groups are numbers in the order of the scenario's, parents before their children. */
  reshare(group: number, cpu: number, weight: number, atNs: number): void {
    this.#kernel.replayReshare(group, cpu, sharesOf(weight), atNs);
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

  /** How far apart two tasks that compete lie in their queue's order, in ns that the lighter would have to run. */
  apart(a: number, b: number): number {
    return this.#kernel.replayApart(a, b);
  }

  /** The running task was preferred to another: its virtual time becomes that one's. */
  follow(task: number, other: number): void {
    this.#kernel.replayFollow(task, other);
  }

  /**
   * The running task kept the CPU from another under CFS: unless its slice is over, it lies no further ahead than lets it, by a slice, or by
   * the granularity if the other woke.
   */
  stay(task: number, other: number, woken: boolean): void {
    this.#kernel.replayStay(task, other, woken ? 1 : 0);
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
