/**
 * Reads a folder of recordings of real kernels: its index, and the scenario and the summary of each recording.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { packageRoot } from '../paths.js';
import { rtPhaseOf, type Start, startsOf } from './start.js';

/** The repository's own copy, compared with when no other folder is given. */
export const DEFAULT_RECORDINGS = join(packageRoot, 'validation', 'recordings');

/** Figures of a recording that its maker vouches for (`trust` in index.json). */
export const FIGURES = ['share', 'switches', 'segments', 'latency', 'migrations', 'order', 'vruntime'] as const;
export type Figure = (typeof FIGURES)[number];

const name = z.string().min(1);
const whole = z.int().nonnegative();
const figure = z.number().nonnegative();
/** A file of the folder; never one outside. */
const file = name.regex(/^(?!\/)(?!.*\.\.)/, 'expected a file inside the folder of recordings');

const indexEntry = z.looseObject({
  case: name,
  label: name,
  kernel: name,
  mode: name,
  cpus: whole.positive(),
  scenario: file,
  summary: file,
  trace: file.nullable(),
  trust: z.array(z.enum(FIGURES)),
});

const behaviour = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('hog') }),
  z.looseObject({ type: z.literal('runsleep'), run_us: figure, sleep_us: figure }),
  z.looseObject({ type: z.literal('periodic'), run_us: figure, period_us: whole.positive(), phase_us: whole }),
  z.looseObject({ type: z.literal('periodic_skip'), run_us: figure, period_us: whole.positive(), phase_us: whole }),
  z.looseObject({ type: z.literal('fork'), run_us: figure, period_us: whole.positive(), nchild: whole.positive() }),
  z.looseObject({ type: z.literal('pingpong_a'), run_us: figure }),
  z.looseObject({ type: z.literal('pingpong_b'), run_us: figure }),
]);

const task = z.looseObject({
  name,
  count: whole.positive(),
  policy: z.enum(['other', 'batch', 'idle', 'fifo', 'rr', 'bt', 'cgbt']),
  nice: z.int().min(-20).max(19),
  rtprio: z.int().min(0).max(99),
  cgroup: name.nullable(),
  affinity: z.array(whole).min(1),
  start_ms: figure,
  sched_runtime_us: figure.optional(),
  behaviour,
});

const cgroup = z.looseObject({
  name,
  weight: z.int().min(1).max(10_000).optional(),
  quota_us: whole.optional(),
  idle: whole.optional(),
  offline: whole.optional(),
  period_us: whole.optional(),
  bt_shares: whole.optional(),
});

const scenario = z.looseObject({
  id: name,
  title: z.string(),
  cpus: whole.positive(),
  duration_ms: whole.positive(),
  cgroups: z.array(cgroup),
  tasks: z.array(task).min(1),
  external: z.string().optional(),
  boot: z.string().default(''),
  set: z.looseObject({ before: z.array(z.tuple([z.string(), z.string()])) }).nullish(),
});

const distribution = z
  .looseObject({ count: whole, p50: figure.optional(), p99: figure.optional(), max: figure.optional() })
  .refine(
    ({ count, p50, p99, max }) => count === 0 || [p50, p99, max].every((value) => value !== undefined),
    'expected p50, p99 and max of its samples',
  );

const taskSummary = z.looseObject({
  share: figure,
  switches_in: whole,
  run_segment_us: distribution,
  wakeup_latency_us: distribution,
});

const summary = z.looseObject({
  window_s: z.number().positive(),
  switches: whole,
  switches_per_s: figure,
  tasks: z.record(z.string(), taskSummary),
  kernel_accounting: z.looseObject({ t0_ns: whole }).nullish(),
  lost_events_notes: z.array(z.string()).default([]),
});

/** A line of index.json. */
export type IndexEntry = z.infer<typeof indexEntry>;
/** A scenario as it was recorded (`scenarios/*.json`). */
export type RecordedScenario = z.infer<typeof scenario>;
export type RecordedTask = RecordedScenario['tasks'][number];
/** Figures of a recording (`summaries/*.json`); tasks outside the scenario begin with `~`. */
export type RecordedSummary = z.infer<typeof summary>;
/** Samples of one kind, in µs. */
export type RecordedDistribution = z.infer<typeof distribution>;

/** One recording, read whole. */
export interface Recording {
  entry: IndexEntry;
  scenario: RecordedScenario;
  summary: RecordedSummary;
  /** First wakeups by task; empty without a trace. */
  starts: ReadonlyMap<string, Start>;
  /** EEVDF: what tasks were owed when they first woke, in ns of virtual time, as far as their decisions show it. */
  lags: ReadonlyMap<string, number>;
  /** When the first real-time period after T0 ended; null: nothing was throttled. */
  rtPhaseNs: number | null;
}

/** All recorded kernels have HZ=250. */
const TICK_NS = 4_000_000;

/** The index of a folder of recordings. */
export function readIndex(dir: string): IndexEntry[] {
  if (!existsSync(dir)) throw new UserError(dir, null, 'expected a folder of recordings, found nothing');
  return readJson(join(dir, 'index.json'), z.array(indexEntry).min(1));
}

/** The scenario and the summary of an entry of the index. */
export function readRecording(dir: string, entry: IndexEntry): Recording {
  const recording: Recording = {
    entry,
    scenario: readJson(join(dir, entry.scenario), scenario),
    summary: readJson(join(dir, entry.summary), summary),
    starts: entry.trace === null ? new Map<string, Start>() : startsOf(join(dir, entry.trace)),
    lags: new Map(),
    rtPhaseNs: null,
  };
  const hog = recording.scenario.tasks.find(({ policy, behaviour: { type } }) => policy === 'fifo' && type === 'hog');
  if (hog !== undefined && entry.trace !== null)
    recording.rtPhaseNs = rtPhaseOf(join(dir, entry.trace), hog.name, TICK_NS);
  const outside = recording.scenario.tasks.findIndex(({ affinity }) => affinity.some((cpu) => cpu >= entry.cpus));
  if (outside >= 0) {
    const found = recording.scenario.tasks[outside]?.affinity.join(', ');
    const expectation = `expected CPUs below ${entry.cpus}, found ${found}`;
    throw new UserError(join(dir, entry.scenario), `tasks[${outside}].affinity`, expectation);
  }
  return recording;
}

/**
 * The entries of these kernels and cases, in the order of the index; `cases` null: all. A kernel that was never recorded, and a case that
 * neither the kernels nor the `others` have, is a UserError that lists what there is.
 */
export function selectEntries(
  index: readonly IndexEntry[],
  kernels: readonly string[],
  cases: readonly string[] | null,
  others: readonly string[] = [],
): IndexEntry[] {
  requireKnown('--kernel', new Set(index.map((entry) => entry.kernel)), kernels);
  const ofKernels = index.filter((entry) => kernels.includes(entry.kernel));
  if (cases === null) return ofKernels;
  requireKnown('--case', new Set([...ofKernels.map((entry) => entry.case), ...others]), cases);
  return ofKernels.filter((entry) => cases.includes(entry.case));
}

function requireKnown(option: string, known: ReadonlySet<string>, asked: readonly string[]): void {
  const unknown = asked.find((candidate) => !known.has(candidate));
  if (unknown === undefined) return;
  throw new UserError(option, null, `expected one of ${[...known].sort().join(', ')}, found "${unknown}"`);
}

export function readJson<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(path));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(path, issue === undefined ? null : placeOf(issue.path), expectationOf(issue));
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(path, null, `not valid JSON: ${error.message}`);
    throw new UserError(path, null, 'expected a file that can be read');
  }
}

/** `tasks[0].behaviour.type`; null for the file as a whole. */
function placeOf(path: readonly PropertyKey[]): string | null {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? null : text;
}

function expectationOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_union' && issue.path.at(-1) === 'type') {
    return `expected one of ${behaviour.options.map(({ shape }) => shape.type.value).join(', ')}`;
  }
  return (issue?.message ?? 'not a recording').replace(/^(Invalid (input|option)|Too (small|big)): /, '');
}
