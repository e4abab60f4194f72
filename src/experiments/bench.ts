/** The published set: the catalog's published experiments with fixed seeds and lengths, so that its figures are exact. */
import { markdownTable } from '../report/markdown.js';
import { memoryMarkdown, ofMemory } from '../report/memory.js';
import type { OnProgress } from '../sweep/pool.js';
import { cyclictestVm, EXPERIMENTS } from './catalog.js';
import { type ExperimentRun, runExperiment, summaryRows } from './experiment.js';
import { experimentFiles } from './files.js';
import { planExperiment } from './plan.js';
import { reproductionCsv, reproductionMarkdown } from './reproduction.js';

export interface BenchOptions {
  quick: boolean;
  workers?: number | undefined;
  onProgress?: OnProgress | undefined;
}

/** Runs all published experiments. */
export async function runBench(options: BenchOptions): Promise<ExperimentRun[]> {
  const { quick, workers, onProgress } = options;
  const finished: ExperimentRun[] = [];
  for (const experiment of EXPERIMENTS.filter(({ published }) => published)) {
    const plans = planExperiment(experiment, quick ? { durationNs: experiment.quick.durationNs } : {});
    const runs = quick ? experiment.quick.runs : experiment.runs;
    const { timeoutNs } = experiment;
    finished.push(await runExperiment(experiment.name, plans, { seed: 1, runs, timeoutNs, workers, onProgress }));
  }
  return finished;
}

/** What a bench writes: everything, the part that is committed, and the tables of the README, docs/reproduction.md and docs/rue.md. */
export function benchFiles(runs: readonly ExperimentRun[]): {
  all: Map<string, string>;
  published: Map<string, string>;
  readmeTable: string;
  reproductionTable: string;
  memoryTable: string;
} {
  const all = new Map<string, string>();
  const published = new Map<string, string>();
  for (const run of runs) {
    const cyclictestFiles = EXPERIMENTS.find(({ name }) => name === run.experiment)?.cyclictestFiles ?? false;
    for (const [name, content] of experimentFiles(run, cyclictestFiles)) {
      all.set(name === 'manifest.json' ? `${run.experiment}-${name}` : name, content);
      if (name === `${run.experiment}.csv` || name === `${run.experiment}.svg`) published.set(name, content);
    }
  }
  for (const files of [all, published]) files.set('reproduction.csv', reproductionCsv(runs));
  return {
    all,
    published,
    reproductionTable: reproductionMarkdown(runs),
    memoryTable: runs
      .filter((run) => ofMemory(run.rows))
      .map((run) => `\`${run.experiment}\`\n\n${memoryMarkdown(run.rows)}`)
      .join('\n\n'),
    readmeTable: runs
      .filter((run) => run.experiment === cyclictestVm.name)
      .map((run) => markdownTable(summaryRows(run)))
      .join(''),
  };
}
