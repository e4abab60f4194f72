/**
 * Maps a recorded memory scenario to one that can be simulated: what was read and touched before T0 is simulated, too, so that lists
 * are as they were; validation/recordings/memory/tools/mem.c is what really ran.
 */
import type {
  CgroupSpec,
  GroupMemory,
  Kernel,
  Machine,
  MemorySpec,
  MemoryStep,
  Scenario,
  TaskSpec,
} from '../../scenario/scenario.js';
import type { MemoryRecording } from './recordings.js';
import { bare, controllers, memoryOf, taskSpec, vmstatWorker } from './tasks.js';

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
const PAGE = 4096;
/** So long may a step before T0, or the touching of a task's first pages, take: idle time costs nothing. */
const PRE_STEP_NS = 8 * NS_PER_S;
/** Files of the recordings: 1900 MiB each. */
const FILE_PAGES = 486_400;
const CHUNK = 16;
const DISK = 'nullb2';
const DEVICES = [
  { name: 'nullb0', latencyNs: 100_000, depth: 64, maxRequestPages: 32 },
  { name: DISK, latencyNs: 2 * NS_PER_MS, depth: 1, maxRequestPages: 32 },
];
/** Writers go to the disk itself: 2 GiB. */
const FILES = [
  ...['/mnt/f0', '/mnt/f1', '/mnt/f2'].map((name) => ({ name, pages: FILE_PAGES, device: 'nullb0' })),
  { name: `/dev/${DISK}`, pages: 524_288, device: DISK },
];
/** On the list of inactive file pages when nothing has been read, in all recordings: buffers that ext4 keeps, as every scan of them activates them (M07x, M09). */
const HELD_PAGES = 4;

/** Jiffies lag behind CLOCK_MONOTONIC by five ticks, modulo eight: sleeps of more than 252 ms end on multiples of eight of them (M06q). */
const JIFFIES_LATE_NS = 20 * NS_PER_MS;

/** So long after boot, or any number of times as long, the timer wheel's buckets (512 ticks, as far as sleeps reach) and periods of pressure (501) lie alike. */
const ALIKE_NS = 512 * 501 * 4 * NS_PER_MS;
/** So long all settled before T0 (mem.c), and so long before T0 groups had been made (M06n, M15: their first period ends 0.38 s after it). */
const SETTLE_NS = 1500 * NS_PER_MS;
const CGROUPS_AGE_NS = 1620 * NS_PER_MS;
/** Steps before T0 follow each other at once, and keep the clock of pressure going until all settles; here they are far apart. */
const LAST_BUSY_NS = SETTLE_NS - NS_PER_MS;

/** When the pressure files were read after T0. */
const samples = ({ duration_s: seconds, psi_sample_ms: everyMs }: MemoryRecording['scenario']): number[] =>
  Array.from({ length: Math.ceil((seconds * 1000) / everyMs) - 1 }, (_, i) => (i + 1) * everyMs * NS_PER_MS);

const bootOf = (ns: number): number => ((ns % ALIKE_NS) + ALIKE_NS) % ALIKE_NS;

/** A scenario to simulate, and the time in it that was T0; or why it cannot be. */
export type MemoryMapping = { scenario: Scenario; t0Ns: number } | { unsupported: string };

/** What a recorded case is as a scenario. `minFreeKb`: as booted; null: as the kernel computes it. */
export function memoryScenarioOf(
  recording: MemoryRecording,
  machine: Machine,
  kernel: Kernel,
  minFreeKb: number | null,
): MemoryMapping {
  const { scenario: recorded, a } = recording;
  const unsupported = whyUnsupported(recording);
  if (unsupported !== null) return { unsupported };
  const pre = recorded.pre.flatMap(preStep);
  const tasks = recorded.tasks;
  const t0Ns = (pre.length + tasks.length + 1) * PRE_STEP_NS;
  const swapPages = recorded.swap === 'none' ? 0 : Math.floor((a.SwapTotal_kB * 1024) / PAGE);
  return {
    t0Ns,
    scenario: {
      name: recorded.id,
      description: recorded.title,
      durationNs: t0Ns + recorded.duration_s * NS_PER_S,
      bootNs: bootOf(recording.t0Ns - JIFFIES_LATE_NS - t0Ns),
      rtPhaseNs: null,
      cgroupsMadeNs: t0Ns - CGROUPS_AGE_NS,
      pressureReadsNs: [t0Ns - LAST_BUSY_NS, ...samples(recorded).map((ns) => t0Ns + ns)],
      machine,
      kernel,
      policy: 'as recorded',
      guests: [],
      cgroups: [group('sys', {}), ...recorded.cgroups.map((entry) => group(String(entry.name), entry))],
      memory: {
        zones: { dma: a.zoneinfo_start.DMA?.managed ?? 0, dma32: a.zoneinfo_start.DMA32?.managed ?? 0, normal: 0 },
        minFreeKb: recorded.sysctl['vm/min_free_kbytes'] ?? minFreeKb,
        hugePages: hasHugePages(recorded) ? 'always' : 'never',
        watermarkScaleFactor: recorded.sysctl['vm/watermark_scale_factor'] ?? 10,
        warmupNs: t0Ns,
        swappiness: 60,
        kernelPages: kernelPages(recording),
        heldPages: HELD_PAGES,
        readaheadPages: 32,
        dirtyRatio: recorded.sysctl['vm/dirty_ratio'] ?? 20,
        dirtyBackgroundRatio: recorded.sysctl['vm/dirty_background_ratio'] ?? 10,
        dirtyExpireNs: 30 * NS_PER_S,
        dirtyWritebackNs: 5 * NS_PER_S,
        swap: swapPages === 0 ? null : swapOf(recorded.swap, swapPages),
        devices: DEVICES,
        files: FILES,
      },
      tasks: [
        vmstatWorker(t0Ns - SETTLE_NS, NS_PER_S + ((t0Ns - recording.t0Ns + JIFFIES_LATE_NS) % NS_PER_S)),
        ...controllers(recorded.sample_ms, recorded.cg_sample_ms, t0Ns),
        ...pre.map((step, i) => preTask(step, i)),
        ...tasks.map((task, i) => taskSpec(task, (pre.length + i) * PRE_STEP_NS, t0Ns)),
      ],
    },
  };
}

/**
 * What mem.c touches is a page of zeros but for one byte: lzo-rle makes some 25 bytes of it, which with zsmalloc's 8 take an object of 48: 85 in a page.
 * A touch that brings one back takes 7.5 us in the mean, and a new page 2.85 (M08z); kswapd spent 224 ms on 17359 pages.
 */
const ZRAM = { ratio: 85, compressNs: 3000, decompressNs: 4650 };

function swapOf(kind: MemoryRecording['scenario']['swap'], pages: number): NonNullable<MemorySpec['swap']> {
  return kind === 'zram' ? { pages, latencyNs: 0, depth: 1, zram: ZRAM } : { pages, latencyNs: 100_000, depth: 64 };
}

/** Below 512 MiB of managed memory the kernel switches huge pages off as it boots (README). */
const LEAST_THP_MIB = 1024;

export function hasHugePages({ ram_mib: ramMib, transparent_hugepage: thp }: MemoryRecording['scenario']): boolean {
  return thp === 'always' && ramMib >= LEAST_THP_MIB;
}

function whyUnsupported({ scenario }: MemoryRecording): string | null {
  if (scenario.mglru !== 0) return 'the multi-generational LRU is not simulated';
  return null;
}

/** Of the page cache's tree: pages of a node, nodes of a slab, its pages (assembly/mm/writeback/cache_nodes.ts). */
const NODE_PAGES = 64;
const SLAB_NODES = 28;
const SLAB_PAGES = 4;

/** Slabs of nodes for what was read before T0. */
function nodeSlabs({ a, scenario }: MemoryRecording): number {
  const cached = (a.levels_start.nr_inactive_file ?? 0) + (a.levels_start.nr_active_file ?? 0) - HELD_PAGES;
  const nodes = scenario.pre.map((line) => {
    const [what, , , , pages] = line.split(' ');
    return Math.ceil((what === 'fill' ? cached : what === 'seqread' ? Number(pages) : 0) / NODE_PAGES);
  });
  return Math.ceil(nodes.reduce((sum, n) => sum + n, 0) / SLAB_NODES);
}

/** What was neither free nor on a list at T0, less the page tables and nodes of the page cache that the simulation counts itself. */
function kernelPages(recording: MemoryRecording): number {
  const { a, scenario } = recording;
  const level = (name: string): number => a.levels_start[name] ?? 0;
  const zones = Object.values(a.zoneinfo_start);
  const managed = zones.reduce((sum, zone) => sum + zone.managed, 0);
  const pcp = zones.reduce((sum, zone) => sum + zone.pcp_count, 0);
  const lists = ['nr_inactive_anon', 'nr_active_anon', 'nr_inactive_file', 'nr_active_file'];
  const listed = lists.reduce((sum, name) => sum + level(name), 0);
  const tablesOf = (pages: number): number => Math.ceil(pages / 2 ** 9) + Math.ceil(pages / 2 ** 18);
  const tables = scenario.tasks.reduce(
    (sum, task) => sum + ('prealloc_pages' in task ? tablesOf(task.prealloc_pages) : 0),
    0,
  );
  const slabs = nodeSlabs(recording);
  const counted = listed + tables + slabs * SLAB_PAGES + compressedPages(recording);
  return likeBatches(managed - level('nr_free_pages') - pcp - counted, slabs, a);
}

/** What holds compressed pages at T0, which the simulation counts itself, too: pages of tasks that were in no list. */
function compressedPages({ a, scenario }: Pick<MemoryRecording, 'a' | 'scenario'>): number {
  if (scenario.swap !== 'zram') return 0;
  const touched = scenario.tasks.reduce((sum, task) => sum + ('prealloc_pages' in task ? task.prealloc_pages : 0), 0);
  const listed = (a.levels_start.nr_inactive_anon ?? 0) + (a.levels_start.nr_active_anon ?? 0);
  return Math.ceil((touched - listed) / ZRAM.ratio);
}

/**
 * Free pages of the highest zone come and go by batches, so that what is left of them modulo a batch decides where runs of kswapd end: as many pages
 * more are the kernel's as make it the recorded one. Slabs of nodes come by batches of their own.
 */
function likeBatches(kernel: number, slabs: number, { zoneinfo_start: zones }: MemoryRecording['a']): number {
  const { DMA: dma, DMA32: dma32 } = zones;
  if (dma === undefined || dma32 === undefined) return kernel;
  const refill = Math.floor(dma32.pcp_batch / SLAB_PAGES);
  const refills = slabs === 0 ? 0 : Math.floor((slabs - 1) / refill);
  const free = dma32.managed - (kernel - (dma.managed - dma.free)) - refills * refill * SLAB_PAGES;
  const more = (free - dma32.free) % dma32.pcp_batch;
  return kernel + more + (more < 0 ? dma32.pcp_batch : 0);
}

function group(name: string, entry: Record<string, string | number>): CgroupSpec {
  const pages = (key: string): number | null =>
    entry[key] === undefined ? null : Math.floor(Number(entry[key]) / PAGE);
  const memory: GroupMemory = {
    minPages: pages('memory.min') ?? 0,
    lowPages: pages('memory.low') ?? 0,
    highPages: pages('memory.high'),
    maxPages: pages('memory.max'),
    swapMaxPages: pages('memory.swap.max'),
    oomGroup: Number(entry['memory.oom.group'] ?? 0) === 1,
  };
  return { name, parent: null, weight: 100, idle: false, quota: null, btShares: 1024, offline: false, memory };
}

/** A step before T0: reads by a process of a group. */
interface PreStep {
  cgroup: string | null;
  step: MemoryStep;
}

function preStep(line: string): PreStep[] {
  const [what, cgroup, file, offset, pages, times] = line.split(' ');
  if (what !== 'fill' && what !== 'seqread') return [];
  const view = { area: null, file: file ?? '', first: Number(offset), pattern: 'sequential' as const };
  const base = { op: 'memory' as const, ...view, chunk: CHUNK, recorder: null };
  return [
    {
      cgroup: cgroup === '-' ? null : (cgroup ?? null),
      step:
        what === 'fill'
          ? { ...base, access: 'fill', pages: FILE_PAGES - Number(offset), times: 0, freePages: Number(pages) }
          : {
              ...base,
              access: 'read',
              pages: Math.ceil(Number(pages) / CHUNK) * CHUNK,
              times: Math.ceil(Number(pages) / CHUNK) * Number(times ?? 1),
              freePages: 0,
            },
    },
  ];
}

function preTask({ cgroup, step }: PreStep, index: number): TaskSpec {
  return { ...bare(`~pre${index}`), cgroup, startNs: index * PRE_STEP_NS, program: [step], ...memoryOf([], 0) };
}
