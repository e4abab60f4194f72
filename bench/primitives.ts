/** Fresh instances of the base structures' module (assembly/primitives.ts). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/paths.js';

export interface Primitives {
  reset(count: number, seed: number): void;
  treeInsert(index: number, low: number, high: number): void;
  treeErase(index: number): void;
  treeLeftmost(): number;
  treeSuccessor(index: number): number;
  treeCheck(): number;
  treeFill(): void;
  treeChurn(rounds: number): number;
  wheelInsert(index: number, time: number): void;
  wheelRemove(index: number): void;
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
  randomSample(kind: number, a: number, b: number, c: number): number;
  deltaFair(delta: number, nice: number): number;
  deltaOf(delta: number, nice: number, inverse: number): number;
}

let module: WebAssembly.Module | null = null;

/** An instance with room for `count` items. */
export function primitives(count: number, seed = 1): Primitives {
  module ??= new WebAssembly.Module(readFileSync(join(packageRoot, 'build', 'primitives.wasm')));
  const abort = (): never => {
    throw new Error('assertion failed in a base structure');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { abort } });
  const instance = exports as unknown as Primitives;
  instance.reset(count, seed);
  return instance;
}
