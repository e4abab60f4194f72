/**
 * The files of an experiment: its CSV and picture, histograms in cyclictest's formats, and the manifest that says how to repeat it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../paths.js';
import { ccdfSvg } from '../report/ccdf.js';
import { cyclictestJson, histogramText } from '../report/cyclictest.js';
import { loadSvg, ofService } from '../report/load.js';
import { LINE_COLOURS } from '../report/svg.js';
import { writeMetrics } from '../results/csv.js';
import { merge } from '../results/histogram.js';
import type { RecorderResult, ThreadSamples } from '../results/result.js';
import type { CaseRun, ExperimentRun } from './experiment.js';

/** Name → content, for `writeWhole`. */
export function experimentFiles(run: ExperimentRun, cyclictestFiles: boolean): Map<string, string> {
  const files = new Map([
    [`${run.experiment}.csv`, writeMetrics(run.rows)],
    ['manifest.json', manifest(run)],
  ]);
  if (ofService(run.rows)) {
    const svg = loadSvg(`${run.experiment}: latency against offered load`, run.rows);
    if (svg !== null) files.set(`${run.experiment}.svg`, svg);
  } else if (run.rows.length > 0 && new Set(run.rows.map((row) => row.policy)).size <= LINE_COLOURS.length) {
    files.set(`${run.experiment}.svg`, picture(run));
  }
  if (!cyclictestFiles) return files;
  for (const caseRun of run.cases) {
    const threads = sumThreads(caseRun);
    if (threads.length === 0) continue;
    const name = `histograms/${caseRun.case}-${caseRun.policy}`;
    files.set(`${name}.txt`, histogramText(threads));
    files.set(
      `${name}.json`,
      cyclictestJson(threads, {
        command: `kpbench run ${run.experiment} --policy ${caseRun.policy}`,
        kernel: caseRun.scenario.kernel.name,
        machine: caseRun.scenario.machine.name,
        durationNs: caseRun.scenario.durationNs,
        cpus: threads.map((_, cpu) => cpu),
      }),
    );
  }
  return files;
}

/** One panel a case, one line a policy, all seeds together. */
function picture(run: ExperimentRun): string {
  const cases = [...new Set(run.cases.map((caseRun) => caseRun.case))];
  const panels = cases.map((name) => ({
    case: name,
    lines: run.cases
      .filter((caseRun) => caseRun.case === name)
      .map((caseRun) => ({ policy: caseRun.policy, latency: merge(recordersOf(caseRun).map((r) => r.latency)) })),
  }));
  return ccdfSvg(`${run.experiment}: share of samples above a latency`, panels);
}

function recordersOf(caseRun: CaseRun): RecorderResult[] {
  return caseRun.results.flatMap((result) => result.recorders.slice(0, 1));
}

/** The samples of each thread over all seeds. */
function sumThreads(caseRun: CaseRun): ThreadSamples[] {
  const seeds = recordersOf(caseRun).map((recorder) => recorder.threads);
  return (seeds[0] ?? []).map((first, thread) => {
    const all = seeds.map((threads) => threads[thread] ?? first).filter((samples) => samples.count > 0);
    return {
      count: all.reduce((sum, samples) => sum + samples.count, 0),
      sumUs: all.reduce((sum, samples) => sum + samples.sumUs, 0),
      minUs: Math.min(...all.map((samples) => samples.minUs)),
      maxUs: Math.max(...all.map((samples) => samples.maxUs)),
      microseconds: first.microseconds.map((_, us) =>
        all.reduce((sum, samples) => sum + (samples.microseconds[us] ?? 0), 0),
      ),
    };
  });
}

/** Version of this package. */
export function packageVersion(): string {
  const file: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : 'unknown';
}

/** Enough to repeat the run: what was simulated, with which seeds, by which version. */
function manifest(run: ExperimentRun): string {
  const cases = run.cases.map(({ case: name, policy, scenario, results }) => ({
    case: name,
    policy,
    kernel: scenario.kernel.name,
    machine: scenario.machine.name,
    duration_ns: scenario.durationNs,
    seeds: results.map((result) => result.seed),
    scenario_sha256: createHash('sha256').update(JSON.stringify(scenario)).digest('hex'),
    events: results.reduce((sum, result) => sum + result.events, 0),
  }));
  return `${JSON.stringify({ kpbench: packageVersion(), experiment: run.experiment, cases }, null, 2)}\n`;
}
