/** The simulated kernel's exports (assembly/kernel.ts), and how an instance of it is made. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../paths.js';

/** Same source, two builds: `debug` has its assertions on and checks bounds. */
export type Build = 'release' | 'debug';

export interface KernelExports {
  memory: WebAssembly.Memory;
  reserveInput(bytes: number): number;
  setup(seedLow: number, seedHigh: number): void;
  run(untilNs: number): number;
  events(): number;
  failedSpec(): number;
  failedPool(): number;
  failedMessages(): number;
  failedMemory(): number;
  finish(untilNs: number): void;
  specNumber(index: number, what: number): number;
  specHistogram(index: number, what: number): number;
  cpuNumber(cpu: number, what: number): number;
  vcpuNumber(index: number, what: number): number;
  recorderHistogram(index: number): number;
  recorderWorst(index: number, what: number): number;
  recorderThreads(index: number): number;
  traceWritten(): number;
  traceEntries(): number;
  specOfTask(id: number): number;
  readPressure(nowNs: number): void;
  pressure(group: number, state: number, what: number): number;
  vmstat(what: number): number;
  zone(index: number, what: number): number;
  memoryLevel(what: number): number;
  memcg(index: number, what: number): number;
  memoryHistogram(what: number): number;
  rue(what: number): number;
  qos(index: number, what: number): number;
  replayChoose(id: number, waker: number, fork: number, now: number): number;
  replayWake(id: number, cpu: number, fork: number, now: number): void;
  replayFork(id: number, cpu: number, now: number): void;
  replayMigrate(id: number, cpu: number, now: number): void;
  replayTick(cpu: number, now: number): void;
  replayCharge(cpu: number, ran: number): void;
  replayRejoin(cpu: number): void;
  replayGiveWay(cpu: number, now: number): void;
  replayPolicy(cpu: number, policy: number, nice: number, prio: number, now: number): void;
  replayReshare(group: number, cpu: number, shares: number, now: number): void;
  replayAsked(cpu: number, now: number): number;
  replayExact(): void;
  replayPick(cpu: number, prevState: number, now: number): number;
  replayForce(cpu: number, id: number): void;
  replayHangs(cpu: number, now: number, slack: number): number;
  replayLend(id: number, slack: number): number;
  replayDrain(id: number, slack: number): number;
  replaySpend(id: number, cpu: number, over: number): number;
  replayServeFair(cpu: number, now: number): number;
  replayStray(id: number): void;
  replayLaterThan(id: number, other: number): number;
  replayBeyondEligible(id: number, other: number): number;
  replayKeepsTurn(id: number, other: number): number;
  replayMayCutShort(id: number, other: number): number;
  replayMostAhead(id: number, other: number, woke: number): number;
  replayRunningTime(id: number, other: number, virtualNs: number): number;
  replayShift(id: number, other: number, virtualNs: number): void;
  replayQueued(id: number): number;
  replayRunnable(cpu: number): number;
  replayVirtual(id: number, ran: number): number;
  replayVruntime(id: number, high: number): number;
  replayPlace(id: number, low: number, high: number, minLow: number, minHigh: number): void;
}

const FILES: Record<Build, string> = { release: 'kernel.wasm', debug: 'kernel.debug.wasm' };
const modules = new Map<Build, WebAssembly.Module>();

/** A fresh kernel with a memory of its own. */
export function instantiate(build: Build): KernelExports {
  let module = modules.get(build);
  if (module === undefined) {
    module = new WebAssembly.Module(readFileSync(join(packageRoot, 'build', FILES[build])));
    modules.set(build, module);
  }
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new Error(`assertion failed in the simulated kernel at line ${line}, column ${column}`);
  };
  const instance = new WebAssembly.Instance(module, { env: { abort } });
  return instance.exports as unknown as KernelExports;
}
