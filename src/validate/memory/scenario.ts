/**
 * Maps a recorded memory scenario to one that can be simulated: what was read and touched before T0 is simulated, too, so that lists
 * are as they were; validation/recordings/memory/tools/mem.c is what really ran.
 */
import type {
  CgroupSpec,
  Duration,
  GroupMemory,
  Kernel,
  Machine,
  MemoryStep,
  Scenario,
  Step,
  TaskSpec,
} from '../../scenario/scenario.js';
import type { MemoryRecording, RecordedTask } from './recordings.js';

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
const PAGE = 4096;
/** So long may a step before T0, or the touching of a task's first pages, take: idle time costs nothing. */
const PRE_STEP_NS = 8 * NS_PER_S;
/** Files of the recordings: 1900 MiB each. */
const FILE_PAGES = 486_400;
const CHUNK = 16;
/** Without end. */
const EVER = 4e9;
/** The controller's reading of /proc/vmstat, and of all that it reads at T0 (README). */
const SAMPLE_NS = 100_000;
const FIRST_SAMPLE_NS = 500_000;

/** The recorder of a task's operations. */
export const OPERATIONS = 'op';

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
      bootNs: Math.max(0, recording.t0Ns - t0Ns),
      rtPhaseNs: null,
      machine,
      kernel,
      policy: 'as recorded',
      guests: [],
      cgroups: [group('sys', {}), ...recorded.cgroups.map((entry) => group(String(entry.name), entry))],
      memory: {
        zones: { dma: a.zoneinfo_start.DMA?.managed ?? 0, dma32: a.zoneinfo_start.DMA32?.managed ?? 0, normal: 0 },
        minFreeKb: recorded.sysctl['vm/min_free_kbytes'] ?? minFreeKb,
        hugePages: false,
        watermarkScaleFactor: recorded.sysctl['vm/watermark_scale_factor'] ?? 10,
        warmupNs: t0Ns,
        swappiness: 60,
        kernelPages: kernelPages(recording),
        readaheadPages: 32,
        swap: swapPages === 0 ? null : { pages: swapPages, latencyNs: 100_000, depth: 64 },
        devices: [{ name: 'nullb0', latencyNs: 100_000, depth: 64 }],
        files: ['/mnt/f0', '/mnt/f1', '/mnt/f2'].map((name) => ({ name, pages: FILE_PAGES, device: 'nullb0' })),
      },
      tasks: [
        ...controllers(recorded.sample_ms, recorded.cg_sample_ms, t0Ns),
        ...pre.map((step, i) => preTask(step, i)),
        ...tasks.map((task, i) => taskSpec(task, (pre.length + i) * PRE_STEP_NS, t0Ns)),
      ],
    },
  };
}

function whyUnsupported({ scenario, a }: MemoryRecording): string | null {
  if (scenario.mglru !== 0) return 'the multi-generational LRU is not simulated';
  if (scenario.swap === 'zram') return 'compressed swap is not simulated';
  if (scenario.tasks.some(({ behaviour }) => behaviour === 'write')) return 'writeback is not simulated';
  if ((a.vmstat_delta.thp_fault_alloc ?? 0) > 0) return 'huge pages are not simulated';
  return null;
}

/** What was neither free nor on a list at T0, less the page tables that the simulation counts itself. */
function kernelPages({ a, scenario }: MemoryRecording): number {
  const level = (name: string): number => a.levels_start[name] ?? 0;
  const zones = Object.values(a.zoneinfo_start);
  const managed = zones.reduce((sum, zone) => sum + zone.managed, 0);
  const pcp = zones.reduce((sum, zone) => sum + zone.pcp_count, 0);
  const lists = ['nr_inactive_anon', 'nr_active_anon', 'nr_inactive_file', 'nr_active_file'];
  const listed = lists.reduce((sum, name) => sum + level(name), 0);
  const tables = scenario.tasks.reduce(
    (sum, task) => sum + ('prealloc_pages' in task ? Math.ceil(task.prealloc_pages / 512) : 0),
    0,
  );
  return managed - level('nr_free_pages') - pcp - listed - tables;
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

function bare(name: string): TaskSpec {
  return {
    name,
    count: 1,
    role: null,
    sched: { class: 'fair', nice: 0, priority: 0 },
    cgroup: null,
    cpus: null,
    pinEach: false,
    startNs: 0,
    startCpu: null,
    startLagNs: null,
    start: 'run',
    timerSlackNs: 1,
    sliceNs: null,
    cookie: null,
    program: [],
  };
}

const memoryOf = (areas: Array<{ name: string; pages: number }>, oomScoreAdj: number) => ({
  memory: { areas, oomScoreAdj },
});

/**
 * The recordings' controller, SCHED_FIFO 99: it reads counters, and less often the groups' files. That takes a page which is charged to its own group,
 * and drains what the CPU has charged beforehand for another (M06n: between such readings a group's stock survives).
 */
function controllers(sampleMs: number, groupSampleMs: number, t0Ns: number): TaskSpec[] {
  const touch: MemoryStep = { ...areaStep('sample', 1), access: 'touch', times: 1 };
  const task = (name: string, periodMs: number, first: Step[], body: Step[]): TaskSpec => ({
    ...bare(name),
    cgroup: 'sys',
    sched: { class: 'fifo', nice: 0, priority: 99 },
    startNs: t0Ns,
    program: [...first, { op: 'loop', times: null, body: [timer(periodMs * NS_PER_MS, t0Ns), ...body] }],
    ...memoryOf([{ name: 'sample', pages: 1 }], -1000),
  });
  return [
    task('~memctl', sampleMs, [run(FIRST_SAMPLE_NS)], [run(SAMPLE_NS)]),
    task('~memctl-groups', groupSampleMs, [], [run(SAMPLE_NS), touch, { ...touch, access: 'free' }]),
  ];
}

const run = (ns: number): Step => ({ op: 'run', mode: 'kernel', duration: fixed(ns) });
const fixed = (ns: number): Duration => ({ kind: 'fixed', ns });

/** An absolute timer that does not sleep when it is late: mem.c's pace. Its first period ends `periodNs` after the phase. */
function timer(periodNs: number, phaseNs: number): Step {
  return { op: 'timer', timer: 'pace', shared: false, periodNs, phaseNs, distanceNs: 0, missed: 'run' };
}

/** Sleeps until a time: one period of a timer that is as long. */
function until(ns: number): Step {
  return { op: 'timer', timer: 'begin', shared: false, periodNs: ns, phaseNs: 0, distanceNs: 0, missed: 'run' };
}

function areaStep(area: string, pages: number): Omit<MemoryStep, 'access' | 'times'> {
  return {
    op: 'memory',
    area,
    file: null,
    first: 0,
    pages,
    pattern: 'sequential',
    chunk: 1,
    freePages: 0,
    recorder: null,
  };
}

const AREA = 'm';

/** A recorded task: the pages that it touches before the barrier, and what it does from T0 on. */
function taskSpec(task: RecordedTask, preNs: number, t0Ns: number): TaskSpec {
  const beginNs = t0Ns + task.start_ms * NS_PER_MS;
  const prealloc = 'prealloc_pages' in task ? task.prealloc_pages : 0;
  const areas = areaPages(task) === 0 ? [] : [{ name: AREA, pages: areaPages(task) }];
  const whole = { ...areaStep(AREA, areaPages(task)), access: 'touch' as const };
  const before: Step[] = prealloc === 0 ? [] : [{ ...whole, times: prealloc }];
  return {
    ...bare(task.name),
    cgroup: task.cgroup,
    startNs: preNs,
    program: [...before, until(beginNs), ...programOf(task, beginNs, whole), { op: 'suspend' }],
    ...memoryOf(areas, task.oom_score_adj),
  };
}

function areaPages(task: RecordedTask): number {
  if (task.behaviour === 'alloc' || task.behaviour === 'rndanon') return task.npages;
  return task.behaviour === 'cycle' ? task.base_pages + task.extra_pages : 0;
}

function programOf(task: RecordedTask, beginNs: number, whole: Omit<MemoryStep, 'times'>): Step[] {
  switch (task.behaviour) {
    case 'alloc': {
      const left = task.npages - task.prealloc_pages;
      const step = { ...whole, recorder: OPERATIONS };
      const touches = paced(left, task.batch, task.rate_pages_s, beginNs, (times) => ({ ...step, times }));
      return task.after === 'exit' ? [...touches, { op: 'exit' }] : touches;
    }
    case 'rndanon': {
      const pattern = task.dist_80_20 === 1 ? ('hot' as const) : ('uniform' as const);
      const step = { ...whole, pattern, recorder: OPERATIONS };
      return paced(EVER, task.batch, task.rate_touches_s, beginNs, (times) => ({ ...step, times }));
    }
    case 'rnd': {
      const pattern = task.dist_80_20 === 1 ? ('hot' as const) : ('uniform' as const);
      const step = { ...fileStep(task.file ?? '', task.offset_page, task.npages), pattern };
      return paced(EVER, task.batch, task.rate_pages_s, beginNs, (times) => ({ ...step, times }));
    }
    case 'stream': {
      const pages = Math.floor(task.npages / task.chunk_pages) * task.chunk_pages;
      const step = { ...fileStep(task.file ?? '', task.offset_page, pages), chunk: task.chunk_pages };
      const reads = task.loop === 1 ? EVER : pages / task.chunk_pages;
      return paced(reads, 1, task.rate_pages_s / task.chunk_pages, beginNs, (times) => ({ ...step, times }));
    }
    case 'cycle': {
      const extra = { ...whole, first: task.base_pages, pages: task.extra_pages, times: task.extra_pages };
      const periodNs = task.period_us * 1000;
      return [
        {
          op: 'loop',
          times: null,
          body: [timer(periodNs, beginNs - periodNs), { ...extra, recorder: OPERATIONS }, { ...extra, access: 'free' }],
        },
      ];
    }
    case 'hog':
      return [{ op: 'loop', times: null, body: [{ op: 'run', mode: 'user', duration: fixed(NS_PER_S) }] }];
    default:
      return [];
  }
}

function fileStep(file: string, first: number, pages: number): Omit<MemoryStep, 'times'> {
  return { ...areaStep('', pages), area: null, file, first, access: 'read', recorder: OPERATIONS };
}

/** `total` operations: at full speed, or `batch` of them at a time so that there are `rate` a second. */
function paced(
  total: number,
  batch: number,
  rate: number,
  beginNs: number,
  step: (times: number) => MemoryStep,
): Step[] {
  if (total === 0) return [];
  if (rate === 0) return [step(total)];
  const periodNs = Math.round((batch * NS_PER_S) / rate);
  const times = total === EVER ? null : Math.ceil(total / batch);
  return [{ op: 'loop', times, body: [timer(periodNs, beginNs - periodNs), step(batch)] }];
}
