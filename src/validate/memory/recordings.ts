/**
 * Reads the recordings of a real kernel's memory: scenarios, the summaries of both boots, and when T0 was on the kernel's clock.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import { readJson } from '../recordings.js';

const name = z.string().min(1);
const whole = z.int().nonnegative();
const number = z.number();
const counts = z.record(z.string(), number);
const common = { name, cgroup: name.nullable(), file: name.nullable(), start_ms: whole, oom_score_adj: z.int() };

const recordedTask = z.discriminatedUnion('behaviour', [
  z.object({
    behaviour: z.literal('alloc'),
    ...common,
    npages: whole,
    rate_pages_s: whole,
    batch: whole,
    prealloc_pages: whole,
    after: z.enum(['hold', 'exit', 'repeat']),
  }),
  z.object({
    behaviour: z.enum(['stream', 'write']),
    ...common,
    offset_page: whole,
    npages: whole,
    chunk_pages: whole,
    rate_pages_s: whole,
    loop: whole,
  }),
  z.object({
    behaviour: z.literal('rnd'),
    ...common,
    offset_page: whole,
    npages: whole,
    batch: whole,
    rate_pages_s: whole,
    dist_80_20: whole,
  }),
  z.object({
    behaviour: z.literal('rndanon'),
    ...common,
    npages: whole,
    rate_touches_s: whole,
    batch: whole,
    prealloc_pages: whole,
    dist_80_20: whole,
  }),
  z.object({
    behaviour: z.literal('cycle'),
    ...common,
    base_pages: whole,
    extra_pages: whole,
    period_us: whole,
    prealloc_pages: whole,
  }),
  z.object({ behaviour: z.enum(['idle', 'hog']), ...common }),
]);
export type RecordedTask = z.output<typeof recordedTask>;

const scenario = z.looseObject({
  id: name,
  title: z.string(),
  duration_s: number,
  ram_mib: whole,
  transparent_hugepage: z.enum(['never', 'always']),
  swap: z.enum(['none', 'null', 'zram']),
  mglru: whole,
  sysctl: z.record(z.string(), number),
  cgroups: z.array(z.record(z.string(), z.union([z.string(), number]))),
  pre: z.array(z.string()),
  tasks: z.array(recordedTask),
  sample_ms: whole,
  cg_sample_ms: whole,
  psi_sample_ms: whole,
});
export type RecordedScenario = z.output<typeof scenario>;

/** What the summaries say of a figure that was measured many times. */
const distribution = z.looseObject({
  n: whole,
  sum: number.optional(),
  mean: number.nullable().optional(),
  min: number.nullable().optional(),
  p50: number.nullable().optional(),
  max: number.nullable().optional(),
});

const zone = z.looseObject({
  free: whole,
  boost: whole,
  min: whole,
  low: whole,
  high: whole,
  managed: whole,
  pcp_count: whole,
  pcp_batch: whole,
});

const pressureLine = z.looseObject({ total: number, avg10: number, avg60: number, avg300: number });
const pressure = z.looseObject({ some: pressureLine, full: pressureLine });
export type RecordedPressure = z.output<typeof pressure>;

const summary = z.looseObject({
  duration_s: number,
  zoneinfo_start: z.record(z.string(), zone),
  levels_start: counts,
  vmstat_delta: counts,
  SwapTotal_kB: whole,
  tasks: z.array(
    z.looseObject({
      name,
      pages: whole,
      died_us: z.int(),
      p50_ns: number.optional(),
      p99_ns: number.optional(),
      hist_ns_bucket_floor: counts,
      slow_t_us_idx_ns: z.array(z.array(number)),
    }),
  ),
  kswapd: z.looseObject({
    wakeups: whole,
    runs: whole,
    cpu_s: number,
    free_at_wakeup_call: z.looseObject({ total: distribution }),
    free_at_run_end: z.looseObject({ total: distribution }),
  }),
  direct_reclaim: z.looseObject({ n: whole }),
  memcg_reclaim: z.looseObject({ n: whole }),
  /** What writers found when they looked above what is free, and for how long they slept. */
  balance_dirty_pages: z
    .looseObject({
      n: whole,
      pause_ms: distribution,
      paused_gt0: whole,
      samples: z.array(z.tuple([number, z.string(), z.looseObject({ dirty: whole })])),
    })
    .optional(),
  pressure_memory_start: pressure,
  pressure_memory_end: pressure,
  /** Of groups with a memory controller: pressure at T0 and at the end. */
  cgroups: z.record(
    name,
    z.looseObject({ 'memory.pressure_start': pressure.optional(), 'memory.pressure_end': pressure.optional() }),
  ),
  /** Time, event, and what it said. */
  oom_events: z.array(z.tuple([number, z.string(), z.string()])).default([]),
});
export type RecordedSummary = z.output<typeof summary>;

/** A case: what was run, and what the two boots of it showed. */
export interface MemoryRecording {
  kernel: string;
  case: string;
  scenario: RecordedScenario;
  a: RecordedSummary;
  b: RecordedSummary;
  /** T0 on the kernel's clock, which its timer wheel goes by; ns. */
  t0Ns: number;
}

/** The folder of memory recordings inside a folder of recordings. */
const FOLDER = 'memory';
/** All were made on this kernel. */
export const MEMORY_KERNEL = 'linux-6.1';

/** Names of the recorded cases, in order; none where the folder has no memory recordings. */
export function memoryCases(dir: string): string[] {
  const folder = join(dir, FOLDER, 'scenarios');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

export function readMemoryRecording(dir: string, id: string): MemoryRecording {
  const folder = join(dir, FOLDER);
  const boot = (which: string) => readJson(join(folder, 'summaries', `6.1-${id}-${which}.json`), summary);
  return {
    kernel: MEMORY_KERNEL,
    case: id,
    scenario: readJson(join(folder, 'scenarios', `${id}.json`), scenario),
    a: boot('a'),
    b: boot('b'),
    t0Ns: beginOf(join(folder, 'traces', `6.1-${id}.txt.gz`)),
  };
}

/** `scn_start N` in the first line of a trace. */
function beginOf(trace: string): number {
  const [, begin] = /scn_start (\d+)/.exec(unpacked(trace).subarray(0, 200).toString('latin1')) ?? [];
  if (begin === undefined) throw new UserError(trace, null, 'expected scn_start in its first line');
  return Number(begin);
}

function unpacked(path: string): Buffer {
  try {
    return gunzipSync(readFileSync(path));
  } catch {
    throw new UserError(path, null, 'expected a gzip file that can be read');
  }
}

/** min_free_kbytes after boot by memory and huge pages: the column of params/watermarks.tsv. */
export function bootMinFreeKb(dir: string, ramMib: number, hugePages: string): number | null {
  const rows = readFileSync(join(dir, FOLDER, 'params', 'watermarks.tsv'), 'utf8').split('\n');
  const row = rows
    .map((line) => line.split('\t'))
    .find(([thp, ram, state]) => {
      return thp === hugePages && ram === String(ramMib) && state === 'boot';
    });
  return row === undefined ? null : Number(row[3]);
}
