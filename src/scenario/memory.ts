/**
 * The memory part of the scenario language: the machine's memory, groups' limits, tasks' areas, and the steps that touch, read, write and free;
 * what it becomes.
 */
import { z } from 'zod';
import { name, positiveTime, time } from './primitives.js';
import type { GroupMemory, MemoryCosts, MemorySpec, MemoryStep, Step, TaskSpec } from './scenario.js';
import { parseSize } from './units.js';

export const PAGE_BYTES = 4096;
/** MAX_DMA_PFN and MAX_DMA32_PFN: 16 MiB and 4 GiB, of which a PC's devices take the last GiB. */
const DMA_PAGES = 3840;
const DMA32_PAGES = 3 * 2 ** 18 - 4096;
/** struct page: 64 bytes of each page. */
const STRUCT_PAGE = 64 / PAGE_BYTES;
/** The largest order of a block of free pages (MAX_ORDER − 1 of 6.1). */
const LARGEST_ORDER = 10;
/** The largest machine: 64 TiB. */
const MOST_PAGES = 2 ** 34;

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
  // BLK_DEF_MAX_SECTORS
  maxRequest: positiveSize.prefault('1280KiB').describe('the most that is written at a time'),
});

const cost = time.refine((ns) => ns <= 1e9, 'expected at most 1s');

/** Swap in compressed memory. Of the defaults of costs, lzo-rle on a server moves a gigabyte or two a second: assumption. */
const zramSchema = z.strictObject({
  ratio: z.number().min(1).max(128).default(3).describe('pages that fit into one; 128: each takes 32 bytes, the least'),
  compress: cost.prefault('3us').describe('more for a page that goes out'),
  decompress: cost.prefault('1500ns').describe('more for a page that comes back'),
});

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
  write: cost.describe('a write(), and each page of it'),
  writePage: cost,
  writeback: cost.describe('a page that the flusher writes'),
  charge: cost.describe('more for a page that is charged to a group'),
  pass: cost.describe('reclaim: a pass over the node'),
  direct: cost.describe('more of a pass in direct reclaim'),
  balance: cost.describe('more of a pass by kswapd'),
  groupPass: cost.describe('each group in a pass'),
  batch: cost.describe('a batch of a list'),
  scan: cost.describe('a page that reclaim looks at'),
  rmap: cost.describe('more for an anonymous one, whose mapping is looked at'),
  steal: cost.describe('more for one that is freed'),
  buffers: cost.describe('more for one that is freed after it was written'),
  pageout: cost.describe('more for one that is written to swap'),
  deactivate: cost,
  free: cost.describe('a page that is given back'),
  hugeFault: cost.describe('a touch that brings a huge page: fault and clearing'),
  compactScan: cost.describe('compaction: a page that it looks at'),
  migrate: cost.describe('a page that it moves'),
  vmpressure: cost.describe('reclaim: reporting what was scanned, in a kworker'),
});

const percentage = z.int().min(0).max(100);

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
  hugePages: z
    .enum(['never', 'madvise', 'always'])
    .default('never')
    .describe('transparent huge pages: madvise raises vm.min_free_kbytes; always, and all areas get them'),
  watermarkScaleFactor: z.int().min(1).max(3000).default(10),
  warmup: time.default(0).describe('counters are read then, too, so that what came before can be left out'),
  swappiness: z.int().min(0).max(200).default(60),
  kernel: size.prefault('0KiB').describe('what the kernel itself uses'),
  held: size.prefault('0KiB').describe('file systems’ own blocks, which reclaim looks at in vain'),
  readahead: positiveSize.prefault('128KiB'),
  dirtyRatio: percentage.default(20).describe('vm.dirty_ratio'),
  dirtyBackgroundRatio: percentage.default(10).describe('vm.dirty_background_ratio'),
  dirtyExpire: time.default(30e9).describe('vm.dirty_expire_centisecs'),
  dirtyWriteback: time
    .default(5e9)
    .describe('vm.dirty_writeback_centisecs; 0: files are not written because they are old'),
  swap: z
    .strictObject({
      size: positiveSize,
      latency: positiveTime.optional().describe('of a device; or zram'),
      depth: device.shape.depth,
      zram: zramSchema.optional().describe('compressed memory'),
    })
    .refine(({ latency, zram }) => (latency === undefined) !== (zram === undefined), 'expected either latency or zram')
    .optional(),
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
export const writeSchema = z.strictObject({
  file: name,
  ...part,
  chunk: positiveSize.prefault('4KiB').describe('written at a time'),
  ...operations,
});
export const allocSchema = z.strictObject({
  order: z.int().min(0).max(LARGEST_ORDER).default(0).describe('of blocks: 2^order pages'),
  gfp: z
    .enum(['kernel', 'high', 'noretry', 'nowait', 'atomic', 'memalloc'])
    .default('kernel')
    .describe('how far it may go into the reserve, and whether it may wait'),
  times: z.int().min(1).max(4e9).default(1).describe('blocks'),
  record: operations.record,
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
export const writeStep = (write: z.output<typeof writeSchema>): MemoryStep =>
  stepOf('write', { area: null, file: write.file }, write, write.chunk, write);
export const freeStep = (free: z.output<typeof freeSchema>): MemoryStep =>
  stepOf('free', { area: free.area, file: null }, free, 1, { pattern: 'sequential' });

export const allocStep = ({ record, ...alloc }: z.output<typeof allocSchema>): Step => ({
  op: 'alloc',
  ...alloc,
  recorder: record ?? null,
});

/** The machine's memory; zones by its size unless they are given: what lies below 4 GiB is DMA and DMA32. */
export function memorySpecOf(document: z.output<typeof memorySchema>): MemorySpec {
  const { kernel, held, readahead, warmup, swap, files, devices, size: pages, zones, minFreeKb, ...rest } = document;
  const { dirtyExpire, dirtyWriteback, ...others } = rest;
  return {
    ...others,
    zones: zones ?? zonesOf(pages ?? 0),
    minFreeKb: minFreeKb ?? null,
    warmupNs: warmup,
    kernelPages: kernel,
    heldPages: held,
    readaheadPages: readahead,
    dirtyExpireNs: dirtyExpire,
    dirtyWritebackNs: dirtyWriteback,
    swap: swap === undefined ? null : swapOf(swap),
    devices: devices.map((of) => ({
      name: of.name,
      latencyNs: of.latency,
      depth: of.depth,
      maxRequestPages: of.maxRequest,
    })),
    files: files.map(({ size: length, ...file }) => ({ ...file, pages: length })),
  };
}

function swapOf({ size: pages, latency, depth, zram }: NonNullable<z.output<typeof memorySchema>['swap']>) {
  const swap: NonNullable<MemorySpec['swap']> = { pages, latencyNs: latency ?? 0, depth };
  if (zram !== undefined) {
    swap.zram = { ratio: zram.ratio, compressNs: zram.compress, decompressNs: zram.decompress };
  }
  return swap;
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
