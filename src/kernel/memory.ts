/**
 * The memory side of a scenario as the kernel's tables hold it, and what may be asked about it afterwards.
 */
import {
  type CgroupSpec,
  type MemorySpec,
  type MemoryStep,
  type Scenario,
  stepsOf,
  type TaskSpec,
} from '../scenario/scenario.js';
import { kernelThread, rueThreads } from './rue.js';
import { HUGE_PAGES, PATTERN, type RecordOf, Table } from './tables.js';

/** What kswapd is called, and where it comes among the tasks: last. */
export const KSWAPD = 'kswapd0';
export const KCOMPACTD = 'kcompactd0';
export const VMPRESSURE = 'kworker/vmpressure';

/** What the thread is called that writes a device's dirty pages. */
export const flusherOf = (device: string): string => `kworker/flush-${device}`;

/** The flushers of the devices that some task writes to; the swap device is number 0. */
function flushers(scenario: Scenario): TaskSpec[] {
  const { devices, files } = scenario.memory ?? { devices: [], files: [] };
  const steps = scenario.tasks.flatMap(({ program }) => [...stepsOf(program)]);
  const written = new Set(
    steps.flatMap((step) => (step.op === 'memory' && step.access === 'write' ? [step.file] : [])),
  );
  return devices.flatMap(({ name }, index) =>
    files.some((file) => file.device === name && written.has(file.name))
      ? [kernelThread(scenario, flusherOf(name), { op: 'flusher', device: index + 1 })]
      : [],
  );
}

/** A kworker for each CPU, bound to it. */
function pressureWorkers(scenario: Scenario): TaskSpec {
  const { cpus } = scenario.machine;
  const all = Array.from({ length: cpus }, (_, cpu) => cpu);
  return { ...kernelThread(scenario, VMPRESSURE, { op: 'vmpressure' }), count: cpus, cpus: all, pinEach: true };
}

/** A scenario's tasks, and kswapd, flushers and the threads of RUE if its memory is simulated. */
export function withKswapd(scenario: Scenario): TaskSpec[] {
  if (scenario.memory === undefined || scenario.tasks.some(({ name }) => name === KSWAPD)) return scenario.tasks;
  const kswapd = kernelThread(scenario, KSWAPD, { op: 'kswapd' });
  const kcompactd = countsBlocks(scenario) ? [kernelThread(scenario, KCOMPACTD, { op: 'kcompactd' })] : [];
  return [
    ...scenario.tasks,
    kswapd,
    pressureWorkers(scenario),
    ...kcompactd,
    ...flushers(scenario),
    ...rueThreads(scenario),
  ];
}

/** Whether a task asks for pages of the kernel. */
function asksForPages({ program }: TaskSpec): boolean {
  return [...stepsOf(program)].some(({ op }) => op === 'alloc');
}

/** Whether some step of a task goes to memory: it has a record there, and gives back what it has when it exits. */
export function usesMemory({ program }: TaskSpec): boolean {
  return [...stepsOf(program)].some(({ op }) => op === 'memory' || op === 'alloc' || op === 'release');
}

/** Whether it matters how free pages lie: somebody asks for more than one at a time. */
function countsBlocks({ memory, tasks }: Scenario): boolean {
  return memory?.hugePages === 'always' || tasks.some(asksForPages);
}

/** Collects the areas and views of tasks, declaration by declaration. */
export class MemoryTables {
  readonly areas = new Table('AreaTable');
  readonly views = new Table('ViewTable');
  readonly #files: Map<string, number>;
  #known = new Map<string, number>();
  #firstView = 0;

  constructor(readonly memory: MemorySpec | undefined) {
    this.#files = new Map((memory?.files ?? []).map(({ name }, index) => [name, index]));
  }

  /** Begins a declaration. */
  task(task: TaskSpec): Pick<RecordOf<'SpecTable'>, 'oomScoreAdj' | 'firstArea' | 'areas'> {
    this.#known = new Map();
    this.#firstView = this.views.count;
    const areas = task.memory?.areas ?? [];
    const firstArea = this.areas.count;
    for (const { pages } of areas) this.areas.add({ pages });
    return { oomScoreAdj: task.memory?.oomScoreAdj ?? 0, firstArea, areas: areas.length };
  }

  /** A view without pages. */
  noView(): number {
    const known = this.#known.get('');
    if (known !== undefined) return known;
    this.views.add({ file: 0, region: -1, first: 0, pages: 0, pattern: PATTERN.sequential });
    const index = this.#known.size;
    this.#known.set('', index);
    return index;
  }

  /** The number of a step's view among those of its declaration: steps that go through the same pages in the same way share one. */
  view(step: MemoryStep, task: TaskSpec): number {
    const key = JSON.stringify([step.area, step.file, step.first, step.pages, step.pattern]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const area = task.memory?.areas.findIndex(({ name }) => name === step.area) ?? -1;
    this.views.add({
      file: step.file === null ? 0 : 1,
      region: step.file === null ? area : (this.#files.get(step.file) ?? 0),
      first: step.first,
      pages: step.pages,
      pattern: PATTERN[step.pattern],
    });
    const index = this.#known.size;
    this.#known.set(key, index);
    return index;
  }

  /** Ends a declaration. */
  viewsOf(): Pick<RecordOf<'SpecTable'>, 'firstView' | 'views'> {
    return { firstView: this.#firstView, views: this.views.count - this.#firstView };
  }

  /** The device and file tables; the swap device comes first. `specOf`: the number of a thread, or −1. */
  devices(specOf: (thread: string) => number): { devices: Table<'DeviceTable'>; files: Table<'FileTable'> } {
    const devices = new Table('DeviceTable');
    const files = new Table('FileTable');
    const { memory } = this;
    if (memory === undefined) return { devices, files };
    const { latencyNs, depth } = memory.swap ?? { latencyNs: 0, depth: 1 };
    devices.add({ latencyNs, depth, maxRequestPages: 0, flusherSpec: -1 });
    for (const device of memory.devices) {
      const { name, ...numbers } = device;
      devices.add({ ...numbers, flusherSpec: specOf(flusherOf(name)) });
    }
    for (const { pages, device } of memory.files) {
      files.add({ pages, device: 1 + memory.devices.findIndex(({ name }) => name === device) });
    }
    return { devices, files };
  }
}

/** The record of the machine's memory; no zones where none is simulated. */
export function memoryRecord(scenario: Scenario, specOf: (thread: string) => number): RecordOf<'MemoryTable'> {
  const { memory, machine } = scenario;
  return {
    dmaPages: memory?.zones.dma ?? 0,
    dma32Pages: memory?.zones.dma32 ?? 0,
    normalPages: memory?.zones.normal ?? 0,
    minFreeKb: memory?.minFreeKb ?? -1,
    watermarkScaleFactor: memory?.watermarkScaleFactor ?? 0,
    hugePages: HUGE_PAGES[memory?.hugePages ?? 'never'],
    orders: countsBlocks(scenario) ? 1 : 0,
    swappiness: memory?.swappiness ?? 0,
    swapPages: memory?.swap?.pages ?? 0,
    zramRatio: memory?.swap?.zram?.ratio ?? 0,
    compressNs: memory?.swap?.zram?.compressNs ?? 0,
    decompressNs: memory?.swap?.zram?.decompressNs ?? 0,
    kernelPages: memory?.kernelPages ?? 0,
    heldPages: memory?.heldPages ?? 0,
    readaheadPages: memory?.readaheadPages ?? 0,
    kswapdSpec: Math.max(0, specOf(KSWAPD)),
    kcompactdSpec: specOf(KCOMPACTD),
    vmpressureSpec: Math.max(0, specOf(VMPRESSURE)),
    dirtyRatio: memory?.dirtyRatio ?? 0,
    dirtyBackgroundRatio: memory?.dirtyBackgroundRatio ?? 0,
    dirtyExpireNs: memory?.dirtyExpireNs ?? 0,
    dirtyWritebackNs: memory?.dirtyWritebackNs ?? 0,
    ...machine.memoryCosts,
  };
}

/** A group's limits in pages. */
export function groupMemory({
  memory,
}: CgroupSpec): Pick<
  RecordOf<'GroupTable'>,
  'memoryMin' | 'memoryLow' | 'memoryHigh' | 'memoryMax' | 'swapMax' | 'oomGroup'
> {
  return {
    memoryMin: memory?.minPages ?? 0,
    memoryLow: memory?.lowPages ?? 0,
    memoryHigh: memory?.highPages ?? -1,
    memoryMax: memory?.maxPages ?? -1,
    swapMax: memory?.swapMaxPages ?? -1,
    oomGroup: memory?.oomGroup ? 1 : 0,
  };
}

/** Counters in the order of assembly/mm/mm.ts Vm. */
export const VMSTAT = [
  'pgfault',
  'pgmajfault',
  'pgalloc',
  'pgfree',
  'pgscan_kswapd',
  'pgscan_direct',
  'pgsteal_kswapd',
  'pgsteal_direct',
  'pgactivate',
  'pgdeactivate',
  'pgrefill',
  'workingset_refault_anon',
  'workingset_refault_file',
  'workingset_activate_anon',
  'workingset_activate_file',
  'workingset_restore_anon',
  'workingset_restore_file',
  'pswpin',
  'pswpout',
  'allocstall',
  'pageoutrun',
  'kswapd_low_wmark_hit_quickly',
  'kswapd_high_wmark_hit_quickly',
  'kswapd_wakeups',
  'kswapd_runs',
  'kswapd_sleeps',
  'oom_kill',
  'pgscan_anon',
  'pgscan_file',
  'pgsteal_anon',
  'pgsteal_file',
  'memcg_reclaims',
  'high_reclaims',
  'high_sleeps',
  'nr_dirtied',
  'nr_written',
  'dirty_balances',
  'dirty_pauses',
  'dirty_paused_ms',
  'throttle_writeback',
  'throttle_congested',
  'throttle_noprogress',
  'thp_fault_alloc',
  'thp_fault_fallback',
  'thp_fault_fallback_charge',
  'thp_split_page',
  'compact_stall',
  'compact_success',
  'compact_fail',
  'compact_migrate_scanned',
  'pgmigrate_success',
  'compact_daemon_wake',
  'alloc_failures',
] as const;

/** In the order of assembly/mm/observe.ts. */
export const ZONE_NUMBERS = [
  'managed',
  'free',
  'min',
  'low',
  'high',
  'boost',
  'reserveDma32',
  'reserveNormal',
  'pcpHigh',
  'pcpBatch',
  // /proc/buddyinfo; zeros where blocks are not counted.
  'order0',
  'order1',
  'order2',
  'order3',
  'order4',
  'order5',
  'order6',
  'order7',
  'order8',
  'order9',
  'order10',
] as const;
export const MEMORY_LEVELS = [
  'zones',
  'free',
  'pcp',
  'inactiveAnon',
  'activeAnon',
  'inactiveFile',
  'activeFile',
  'kernel',
  'swapped',
  'managed',
  'dirty',
  'writeback',
  'dirtyThreshold',
  'dirtyBackgroundThreshold',
  'compressed',
] as const;
export const MEMCG_NUMBERS = [
  'usage',
  'swapUsage',
  'peak',
  'low',
  'high',
  'max',
  'oom',
  'oom_kill',
  'oom_group_kill',
  'pgscan',
  'pgsteal',
  'refaultsAnon',
  'refaultsFile',
  'inactiveAnon',
  'activeAnon',
  'inactiveFile',
  'activeFile',
] as const;
/** In the order of assembly/kernel.ts memoryHistogram. */
export const MEMORY_HISTOGRAMS = [
  'freeAtWakeup',
  'freeAtRunEnd',
  'runNs',
  'directNs',
  'directPages',
  'memcgNs',
  'memcgPages',
  'dirtyAtBalance',
] as const;
