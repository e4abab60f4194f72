/** Memory scenarios for tests, built in code, on a machine of one CPU whose memory operations cost a little. */
import type {
  CgroupSpec,
  GroupMemory,
  MemorySpec,
  MemoryStep,
  Scenario,
  TaskSpec,
} from '../../../src/scenario/scenario.js';
import { ideal, MS, scenario, task } from '../fixtures.js';

/** The recorded machine of 512 MiB: zones DMA and DMA32. */
export const MEMORY: MemorySpec = {
  zones: { dma: 3840, dma32: 113_261, normal: 0 },
  minFreeKb: 2687,
  hugePages: false,
  watermarkScaleFactor: 10,
  warmupNs: 0,
  swappiness: 60,
  kernelPages: 11_000,
  heldPages: 0,
  readaheadPages: 32,
  dirtyRatio: 20,
  dirtyBackgroundRatio: 10,
  dirtyExpireNs: 30e9,
  dirtyWritebackNs: 5e9,
  swap: null,
  devices: [{ name: 'disk', latencyNs: 100_000, depth: 64, maxRequestPages: 320 }],
  files: [{ name: 'data', pages: 400_000, device: 'disk' }],
};

/** A step over all of an area of `pages` pages. */
export function touch(pages: number, step: Partial<MemoryStep> = {}): MemoryStep {
  return {
    op: 'memory',
    access: 'touch',
    area: 'heap',
    file: null,
    first: 0,
    pages,
    pattern: 'sequential',
    times: pages,
    chunk: 1,
    freePages: 0,
    recorder: 'touch',
    ...step,
  };
}

/** `times` reads of `chunk` pages of the first `pages` of the file. */
export function read(pages: number, times: number, step: Partial<MemoryStep> = {}): MemoryStep {
  return touch(pages, { access: 'read', area: null, file: 'data', times, recorder: 'read', ...step });
}

/** `times` writes of `chunk` pages of the first `pages` of the file. */
export function write(pages: number, times: number, step: Partial<MemoryStep> = {}): MemoryStep {
  return read(pages, times, { access: 'write', recorder: 'write', ...step });
}

/** A task with an area of `pages` pages. */
export function user(
  name: string,
  pages: number,
  program: TaskSpec['program'],
  more: Partial<TaskSpec> = {},
): TaskSpec {
  return { ...task(name, program), memory: { areas: [{ name: 'heap', pages }], oomScoreAdj: 0 }, ...more };
}

export function group(name: string, memory: Partial<GroupMemory>, parent: string | null = null): CgroupSpec {
  const none = { minPages: 0, lowPages: 0, highPages: null, maxPages: null, swapMaxPages: null, oomGroup: false };
  return {
    name,
    parent,
    weight: 100,
    idle: false,
    quota: null,
    btShares: 1024,
    offline: false,
    memory: { ...none, ...memory },
  };
}

export function memoryScenario(tasks: TaskSpec[], more: Partial<Scenario> = {}): Scenario {
  return { ...scenario(tasks), machine: ideal(1), memory: MEMORY, durationNs: 2000 * MS, ...more };
}
