/** Fresh instances of the base structures' module (assembly/primitives.ts). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../src/kernel/exports.js';
import { packageRoot } from '../src/paths.js';

/** The exports of assembly/primitives.ts. */
export interface Primitives extends WebAssembly.Exports {
  memory: WebAssembly.Memory;
  reset(count: number, seed: number): void;
  values(): number;
  treeInsert(index: number, low: number, high: number): void;
  treeErase(index: number): void;
  treeLeftmost(): number;
  treeSuccessor(index: number): number;
  treeCheck(): number;
  treeFill(): void;
  treeChurn(rounds: number): number;
  wheelInsert(index: number, time: number): void;
  wheelRemove(index: number): void;
  wheelMove(index: number, time: number): void;
  wheelMoreNow(): number;
  wheelPop(limit: number): number;
  wheelFill(): void;
  wheelHold(rounds: number): number;
  histogramBucket(value: number): number;
  histogramRecord(value: number): void;
  histogramFill(rounds: number): number;
  histogramNumber(what: number): number;
  histogramCount(bucket: number): number;
  randomBits(high: number): number;
  randomStream(seed: number, entity: number, index: number): void;
  randomState(low: number, high: number): void;
  randomTable(count: number): number;
  randomSample(kind: number, a: number, b: number, c: number): number;
  deltaFair(delta: number, nice: number): number;
  /** RUE: pressure in 1024ths. */
  rueRatio(used: number, total: number, reserve: number): number;
  dirtyPosition(
    dirty: number,
    thresh: number,
    bgThresh: number,
    limit: number,
    wbDirty: number,
    wbThresh: number,
    bandwidth: number,
  ): number;
  deltaOf(delta: number, nice: number, inverse: number): number;
  peltUpdate(now: number, load: number, runnable: number, running: number, weight: number): number;
  peltNumber(what: number): number;
  utilEstimate(old: number, util: number, waited: number): number;
  idleScan(sumUtil: number, size: number): number;
}

const FILES: Record<Build, string> = { release: 'primitives.wasm', debug: 'primitives.debug.wasm' };
const modules = new Map<Build, WebAssembly.Module>();

/** An instance with room for `count` items. */
export function primitives(count: number, seed = 1, build: Build = 'release'): Primitives {
  const module = modules.get(build) ?? new WebAssembly.Module(readFileSync(join(packageRoot, 'build', FILES[build])));
  modules.set(build, module);
  const abort = (): never => {
    throw new Error('assertion failed in a base structure');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { abort } });
  const instance = exports as Primitives;
  instance.reset(count, seed);
  return instance;
}

const VALUES = 2 ** 16;

/** The random 32-bit numbers that an instance's benchmark loops take, for peers to take in the same order. */
export function benchmarkValues(): Uint32Array {
  const instance = primitives(1);
  const address = instance.values();
  return new Uint32Array(instance.memory.buffer, address, VALUES).slice();
}
