/**
 * The memory part of the scenario language: the machine's memory, groups' limits, tasks' areas, and the steps that touch, read and free;
 * what it becomes, and what must fit into what.
 */
import { z } from 'zod';
import type { Fail } from './checks.js';
import { name, positiveTime, time } from './primitives.js';
import {
  type CgroupSpec,
  type GroupMemory,
  type Machine,
  type MemoryCosts,
  type MemorySpec,
  type MemoryStep,
  type Scenario,
  stepsOf,
  type TaskSpec,
} from './scenario.js';
import { parseSize } from './units.js';

export const PAGE_BYTES = 4096;
/** MAX_DMA_PFN and MAX_DMA32_PFN: 16 MiB and 4 GiB, of which a PC's devices take the last GiB. */
const DMA_PAGES = 3840;
const DMA32_PAGES = 3 * 2 ** 18 - 4096;
/** struct page: 64 bytes of each page. */
const STRUCT_PAGE = 64 / PAGE_BYTES;
/** The largest machine: 64 TiB. */
const MOST_PAGES = 2 ** 34;
/** Pages of a region: its slots are laid out in the simulator's own memory. */
const MOST_REGION_PAGES = 2 ** 31 - 1;

/** A size in whole pages. */
const size = z
  .string({ error: 'expected a size such as 64MiB' })
  .transform((value, context) => {
    const bytes = parseSize(value);
    if (bytes !== null && bytes % PAGE_BYTES === 0 && bytes / PAGE_BYTES <= MOST_PAGES) return bytes / PAGE_BYTES;
    context.addIssue({ code: 'custom', message: `expected a size such as 64MiB, in pages of 4KiB, found "${value}"` });
    return z.NEVER;
  })
  .describe('a number and a unit: KiB, MiB, GiB, TiB');
const positiveSize = size.refine((pages) => pages > 0, 'expected a size above 0');
const limit = z.union([z.literal('max').transform(() => null), size], {
  error: 'expected max or a size such as 64MiB',
});

const device = z.strictObject({
  name,
  latency: positiveTime.describe('a request, from its turn to its completion'),
  depth: z.int().min(1).max(65_536).default(64).describe('requests that are served at a time'),
});

const cost = time.refine((ns) => ns <= 1e9, 'expected at most 1s');

/** What memory operations cost; `MemoryCosts` says what each is. */
export const memoryCostsSchema = z.strictObject({
  hit: cost,
  fault: cost.describe('a touch of a new page: fault and clearing'),
  refill: cost.describe('a per-CPU list of free pages is refilled'),
  refillPage: cost,
  lruAdd: cost.describe('the 15 new pages that a CPU has collected come to their lists'),
  read: cost.describe('a read(), and each page of it'),
  readPage: cost,
  readaheadPage: cost,
  io: cost.describe('sending a request'),
  wait: cost.describe('going to sleep for it, while the device works'),
  pass: cost.describe('reclaim: a pass over the node'),
  direct: cost.describe('more of a pass in direct reclaim'),
  groupPass: cost.describe('each group in a pass'),
  batch: cost.describe('a batch of a list'),
  scan: cost.describe('a page that reclaim looks at'),
  rmap: cost.describe('more for an anonymous one, whose mapping is looked at'),
  steal: cost.describe('more for one that is freed'),
  pageout: cost.describe('more for one that is written to swap'),
  deactivate: cost,
  free: cost.describe('a page that is given back'),
});

/** The machine's memory in a scenario. */
export const memorySchema = z.strictObject({
  size: positiveSize.optional().describe('of the machine; or zones'),
  zones: z
    .strictObject({ dma: size, dma32: size, normal: size.prefault('0KiB') })
    .optional()
    .describe('managed memory of each zone'),
  minFreeKb: z
    .int()
    .min(0)
    .max(2 ** 32)
    .optional()
    .describe('vm.min_free_kbytes; default: as the kernel computes it'),
  hugePages: z.boolean().default(false).describe('transparent huge pages are on, which raises vm.min_free_kbytes'),
  watermarkScaleFactor: z.int().min(1).max(3000).default(10),
  warmup: time.default(0).describe('counters are read then, too, so that what came before can be left out'),
  swappiness: z.int().min(0).max(200).default(60),
  kernel: size.prefault('0KiB').describe('what the kernel itself uses'),
  readahead: positiveSize.prefault('128KiB'),
  swap: z.strictObject({ size: positiveSize, latency: positiveTime, depth: device.shape.depth }).optional(),
  devices: z.array(device).max(64).default([]),
  files: z
    .array(z.strictObject({ name, size: positiveSize, device: name }))
    .max(1024)
    .default([]),
});

/** A group's memory controller. */
export const groupMemorySchema = z.strictObject({
  min: size.prefault('0KiB').describe('memory.min'),
  low: size.prefault('0KiB').describe('memory.low'),
  high: limit.default(null).describe('memory.high'),
  max: limit.default(null).describe('memory.max'),
  swapMax: limit.default(null).describe('memory.swap.max'),
  oomGroup: z.boolean().default(false).describe('memory.oom.group'),
});

/** What a task has in memory. */
export const taskMemorySchema = z.strictObject({
  areas: z.record(name, positiveSize).default({}).describe('anonymous areas, each instance its own'),
  oomScoreAdj: z.int().min(-1000).max(1000).default(0),
});

const pattern = z
  .enum(['sequential', 'uniform', 'hot'])
  .default('sequential')
  .describe('the next ones in order, any, or four of five in the first fifth');
const part = {
  offset: size.prefault('0KiB').describe('where its part begins'),
  size: positiveSize.optional().describe('how long its part is; default: to the end'),
};
const operations = {
  pattern,
  times: z.int().min(1).max(4e9).optional().describe('operations; default: once over all of it'),
  record: name.optional().describe('where the time of each operation is recorded'),
};

export const touchSchema = z.strictObject({ area: name, ...part, ...operations });
export const readSchema = z.strictObject({
  file: name,
  ...part,
  chunk: positiveSize.prefault('4KiB').describe('read at a time'),
  ...operations,
});
export const freeSchema = z.union([
  name.transform((area) => ({ area, offset: 0, size: undefined })),
  z.strictObject({ area: name, ...part }),
]);

type Part = { offset: number; size?: number | undefined };
type Operations = { pattern: MemoryStep['pattern']; times?: number | undefined; record?: string | undefined };

/** A step on part of an area or of a file; its length is known only with those: 0 until `fitSteps`. */
function stepOf(
  access: MemoryStep['access'],
  of: { area: string | null; file: string | null },
  { offset, size: pages }: Part,
  chunk: number,
  { pattern: order, times, record }: Operations,
): MemoryStep {
  const rest = { first: offset, pages: pages ?? 0, times: times ?? 0, chunk, freePages: 0 };
  return { op: 'memory', access, ...of, ...rest, pattern: order, recorder: record ?? null };
}

export const touchStep = (touch: z.output<typeof touchSchema>): MemoryStep =>
  stepOf('touch', { area: touch.area, file: null }, touch, 1, touch);
export const readStep = (read: z.output<typeof readSchema>): MemoryStep =>
  stepOf('read', { area: null, file: read.file }, read, read.chunk, read);
export const freeStep = (free: z.output<typeof freeSchema>): MemoryStep =>
  stepOf('free', { area: free.area, file: null }, free, 1, { pattern: 'sequential' });

/** The machine's memory; zones by its size unless they are given: what lies below 4 GiB is DMA and DMA32. */
export function memorySpecOf(document: z.output<typeof memorySchema>): MemorySpec {
  const { kernel, readahead, warmup, swap, files, devices, size: pages, zones, minFreeKb, ...others } = document;
  return {
    ...others,
    zones: zones ?? zonesOf(pages ?? 0),
    minFreeKb: minFreeKb ?? null,
    warmupNs: warmup,
    kernelPages: kernel,
    readaheadPages: readahead,
    swap: swap === undefined ? null : { pages: swap.size, latencyNs: swap.latency, depth: swap.depth },
    devices: devices.map(({ latency, ...rest }) => ({ ...rest, latencyNs: latency })),
    files: files.map(({ size: length, ...rest }) => ({ ...rest, pages: length })),
  };
}

/** What is left to be managed once each page has its struct page. */
function zonesOf(pages: number): MemorySpec['zones'] {
  const managed = Math.floor(pages * (1 - STRUCT_PAGE));
  const dma = Math.min(DMA_PAGES, managed);
  const dma32 = Math.min(DMA32_PAGES, managed - dma);
  return { dma, dma32, normal: managed - dma - dma32 };
}

export function groupMemoryOf(document: z.output<typeof groupMemorySchema>): GroupMemory {
  const { min, low, high, max, swapMax, oomGroup } = document;
  return { minPages: min, lowPages: low, highPages: high, maxPages: max, swapMaxPages: swapMax, oomGroup };
}

export function taskMemoryOf(document: z.output<typeof taskMemorySchema>): NonNullable<TaskSpec['memory']> {
  const areas = Object.entries(document.areas).map(([area, pages]) => ({ name: area, pages }));
  return { areas, oomScoreAdj: document.oomScoreAdj };
}

export function memoryCostsOf(costs: Partial<z.output<typeof memoryCostsSchema>>): Partial<MemoryCosts> {
  return Object.fromEntries(Object.entries(costs).map(([key, ns]) => [`${key}Ns`, ns]));
}

/** Gives steps that go over the whole of their area or file its length, once both are known. */
export function fitSteps(task: TaskSpec, memory: MemorySpec | undefined): void {
  for (const step of stepsOf(task.program)) {
    if (step.op !== 'memory') continue;
    const length = lengthOf(step, task, memory) ?? 0;
    if (step.pages === 0) step.pages = Math.max(0, length - step.first);
    if (step.times === 0) step.times = Math.max(1, Math.floor(step.pages / step.chunk));
  }
}

function lengthOf(step: MemoryStep, task: TaskSpec, memory: MemorySpec | undefined): number | undefined {
  if (step.area !== null) return task.memory?.areas.find(({ name: area }) => area === step.area)?.pages;
  return memory?.files.find(({ name: file }) => file === step.file)?.pages;
}

const text = (pages: number): string => `${(pages * PAGE_BYTES) / 2 ** 20}MiB`;

/** What must exist, and what must fit into what. */
export function checkMemory(scenario: Scenario, machine: Machine, installed: number | undefined, fail: Fail): void {
  const { memory, cgroups, tasks, guests } = scenario;
  guests.forEach((guest, i) => {
    const of = ({ memory: own }: { memory?: unknown }) => own !== undefined;
    const group = guest.cgroups.findIndex(of);
    const task = guest.tasks.findIndex(of);
    if (group >= 0) fail(`guests[${i}].cgroups[${group}].memory`, 'expected none in a guest');
    if (task >= 0) fail(`guests[${i}].tasks[${task}].memory`, 'expected none in a guest');
    for (const step of guest.tasks.flatMap(({ program }) => [...stepsOf(program)])) {
      if (step.op === 'memory') fail(`guests[${i}].tasks`, `${step.access}: expected no such step in a guest`);
    }
  });
  cgroups.forEach((group, i) => {
    checkGroup(group, `cgroups[${i}].memory`, memory, fail);
  });
  tasks.forEach((task, i) => {
    if (task.memory !== undefined && memory === undefined) {
      fail(`tasks[${i}].memory`, 'expected none in a scenario without memory');
    }
    if (task.memory !== undefined && task.runsOn !== undefined) {
      fail(`tasks[${i}].memory`, 'expected none in a task that runs on another');
    }
    checkAreas(task, `tasks[${i}].memory.areas`, memory, fail);
    for (const step of stepsOf(task.program)) {
      if (step.op === 'memory') checkStep(step, task, `tasks[${i}].program`, memory, fail);
    }
  });
  if (memory !== undefined) checkMachine(memory, machine, installed, fail);
}

function checkMachine(memory: MemorySpec, machine: Machine, installed: number | undefined, fail: Fail): void {
  const { dma, dma32, normal } = memory.zones;
  const managed = dma + dma32 + normal;
  if (installed !== undefined) {
    for (const [zone, pages] of Object.entries(memory.zones)) {
      if (pages > installed)
        fail(`memory.zones.${zone}`, `expected at most the machine’s ${text(installed)}, found ${text(pages)}`);
    }
    if (managed > installed)
      fail('memory.zones', `expected at most the machine’s ${text(installed)} in all, found ${text(managed)}`);
  }
  if (dma === 0 || dma32 === 0) fail('memory.size', 'expected zones DMA and DMA32: more than 16MiB');
  if (memory.kernelPages >= managed)
    fail('memory.kernel', `expected less than the machine’s ${text(managed)}, found ${text(memory.kernelPages)}`);
  if (machine.cpus > managed / 64) fail('memory.size', `expected at least 64 pages a CPU for ${machine.cpus} CPUs`);
  memory.files.forEach((file, i) => {
    if (file.pages > MOST_REGION_PAGES)
      fail(`memory.files[${i}].size`, `expected at most ${text(MOST_REGION_PAGES + 1)}`);
    if (memory.devices.some(({ name: known }) => known === file.device)) return;
    fail(`memory.files[${i}].device`, `unknown device "${file.device}"`);
  });
}

function checkGroup(group: CgroupSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  if (group.memory === undefined) return;
  if (memory === undefined) fail(place, 'expected none in a scenario without memory');
  const { minPages, lowPages, highPages, maxPages } = group.memory;
  if (maxPages === null) return;
  const atMost = `expected at most memory.max (${text(maxPages)})`;
  if (minPages > maxPages) fail(`${place}.min`, `${atMost}, found ${text(minPages)}`);
  if (lowPages > maxPages) fail(`${place}.low`, `${atMost}, found ${text(lowPages)}`);
  if (highPages !== null && highPages > maxPages) fail(`${place}.high`, `${atMost}, found ${text(highPages)}`);
}

/** More than all memory and swap can never be touched: that is a mistake, however the kernel overcommits. */
function checkAreas(task: TaskSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  if (memory === undefined) return;
  const { dma, dma32, normal } = memory.zones;
  const most = dma + dma32 + normal + (memory.swap?.pages ?? 0);
  for (const { name: area, pages } of task.memory?.areas ?? []) {
    if (pages > most)
      fail(`${place}.${area}`, `expected at most the machine’s memory and swap (${text(most)}), found ${text(pages)}`);
  }
}

function checkStep(step: MemoryStep, task: TaskSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  const { access, first, pages, chunk } = step;
  if (memory === undefined) fail(place, `${access}: expected memory in the scenario`);
  const length = lengthOf(step, task, memory);
  const what = step.area === null ? `file "${step.file}"` : `area "${step.area}"`;
  if (length === undefined) fail(place, `${access}: unknown ${what}`);
  else if (pages === 0 || first + pages > length)
    fail(place, `${access}: expected a part of ${what} (${text(length)}), found ${text(first + pages)}`);
  if (chunk > pages) fail(place, `${access}: expected a chunk of at most ${text(pages)}, found ${text(chunk)}`);
}
