/**
 * The simulated scheduling classes without their event loop: a history is fed to them operation by operation (assembly/replay.ts).
 */
import type { Scenario, SchedSettings } from '../scenario/scenario.js';
import { compile } from './compile.js';
import { type Build, instantiate, type KernelExports } from './exports.js';
import { sharesOf } from './machine_tables.js';
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

  /** Real-time tasks give way to fair ones: the fair server has come to its last moment. False: it is not waiting for that. */
  serveFair(cpu: number, atNs: number): boolean {
    return this.#kernel.replayServeFair(cpu, atNs) !== 0;
  }

  /** A BT task that is about to wake on another CPU will lie far behind (migrate_task_rq_bt), nobody knows how far. */
  stray(task: number): void {
    this.#kernel.replayStray(task);
  }

  /** Charges the running task for exactly `ranNs`. */
  charge(cpu: number, ranNs: number): void {
    this.#kernel.replayCharge(cpu, ranNs);
  }

  /** The running task exits, on the way of which it leaves its queue and comes back. */
  rejoin(cpu: number): void {
    this.#kernel.replayRejoin(cpu);
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

  /** A group's cpu.weight is written; groups are numbers in the order of the scenario's, parents before their children. */
  reshare(group: number, cpu: number, weight: number, atNs: number): void {
    this.#kernel.replayReshare(group, cpu, sharesOf(weight), atNs);
  }

  /** Whether a reschedule is wanted there, also by timers that expire until then. */
  asked(cpu: number, atNs = 0): boolean {
    return this.#kernel.replayAsked(cpu, atNs) !== 0;
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

  /** By how much virtual time a task's turn comes after another's; infinite if the two do not compete. */
  laterThan(task: number, other: number): number {
    return this.#kernel.replayLaterThan(task, other);
  }

  /** EEVDF: how far a task lies beyond where it is eligible; infinite if it does not compete with the other. */
  beyondEligible(task: number, other: number): number {
    return this.#kernel.replayBeyondEligible(task, other);
  }

  /** EEVDF: whether the running task, which competes with the other, keeps its CPU as long as it is eligible. */
  keepsTurn(task: number, other: number): boolean {
    return this.#kernel.replayKeepsTurn(task, other) !== 0;
  }

  /** EEVDF: whether a task, if it is eligible and has the earlier deadline, ends the other's turn, for its slice is shorter. */
  mayCutShort(task: number, other: number): boolean {
    return this.#kernel.replayMayCutShort(task, other) !== 0;
  }

  /** CFS: how far the running task may lie ahead of one that waits, or that woke, without giving way; infinite if it must anyway. */
  mostAhead(task: number, other: number, woke: boolean): number {
    return this.#kernel.replayMostAhead(task, other, woke ? 1 : 0);
  }

  /** The time that the lighter of two tasks which compete runs for so much virtual time. */
  runningTime(task: number, other: number, virtualNs: number): number {
    return this.#kernel.replayRunningTime(task, other, virtualNs);
  }

  /** Moves a task, or the group in which it competes with another, in virtual time. */
  shift(task: number, other: number, virtualNs: number): void {
    this.#kernel.replayShift(task, other, virtualNs);
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
