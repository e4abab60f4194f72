/** Recorded tasks as programs: what tools/mem.c of the recordings does in each behaviour, and its controller. */
import { type Duration, type MemoryStep, plainTask, type Step, type TaskSpec } from '../../scenario/scenario.js';
import type { RecordedTask } from './recordings.js';

const NS_PER_S = 1e9;
const NS_PER_MS = 1e6;
/** Without end. */
const EVER = 4e9;
/** The controller's reading of /proc/vmstat, and of all that it reads at T0 (README). */
const SAMPLE_NS = 100_000;
const FIRST_SAMPLE_NS = 500_000;
/** vmstat_update. Assumption. */
const VMSTAT_NS = 2_000;

/** The recorder of a task's operations. */
export const OPERATIONS = 'op';

/** A recorded task that bears nothing but a name; its timer slack is 1 ns, as in the other recordings. */
export const bare = (name: string): TaskSpec => ({ ...plainTask(name, []), timerSlackNs: 1 });

export const memoryOf = (areas: Array<{ name: string; pages: number }>, oomScoreAdj: number) => ({
  memory: { areas, oomScoreAdj },
});

/**
 * The recordings' controller, SCHED_FIFO 99: it reads counters, and less often the groups' files. That takes a page which is charged to its own group,
 * and drains what the CPU has charged beforehand for another (M06n: between such readings a group's stock survives).
 */
export function controllers(sampleMs: number, groupSampleMs: number, t0Ns: number): TaskSpec[] {
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

/**
 * The kernel folds counters of memory every second of its clock (vmstat_update, a few microseconds). That hardly takes time, but something happens, which
 * is what keeps the clock of pressure going while all else is quiet. `secondNs`: when a second of its clock begins.
 */
export function vmstatWorker(startNs: number, secondNs: number): TaskSpec {
  const body = [timer(NS_PER_S, secondNs), run(VMSTAT_NS)];
  return { ...bare('~kworker'), startNs, program: [{ op: 'loop', times: null, body }] };
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
export function taskSpec(task: RecordedTask, preNs: number, t0Ns: number): TaskSpec {
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
    case 'stream':
    case 'write': {
      const pages = Math.floor(task.npages / task.chunk_pages) * task.chunk_pages;
      const access = task.behaviour === 'write' ? ('write' as const) : ('read' as const);
      const step = { ...fileStep(task.file ?? '', task.offset_page, pages), access, chunk: task.chunk_pages };
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
