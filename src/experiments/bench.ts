/** The published set: the catalog's published experiments with fixed seeds and lengths, so that its figures are exact. */
import { markdownTable } from '../report/markdown.js';
import { loadScenario } from '../scenario/load.js';
import type { OnProgress } from '../sweep/pool.js';
import { EXPERIMENTS } from './catalog.js';
import { type ExperimentRun, runExperiment, summaryRows } from './experiment.js';
import { experimentFiles } from './files.js';

/** Full and quick benches: seeds and simulated time of each run. */
const FULL = { runs: 5, durationNs: 60e9 };
const QUICK = { runs: 2, durationNs: 5e9 };

export interface BenchOptions {
  quick: boolean;
  workers?: number | undefined;
  onProgress?: OnProgress | undefined;
}

/** Runs all published experiments. */
export async function runBench(options: BenchOptions): Promise<ExperimentRun[]> {
  const { runs, durationNs } = options.quick ? QUICK : FULL;
  const finished: ExperimentRun[] = [];
  for (const experiment of EXPERIMENTS.filter(({ published }) => published)) {
    const plans = experiment.cases.flatMap((item) =>
      experiment.policies.map((policy) => ({
        case: item.name,
        scenario: loadScenario(item.scenario, { policy, durationNs }),
      })),
    );
    const { workers, onProgress } = options;
    finished.push(await runExperiment(experiment.name, plans, { seed: 1, runs, workers, onProgress }));
  }
  return finished;
}

/** What a bench writes: everything, the part that is committed, and the README's table. */
export function benchFiles(runs: readonly ExperimentRun[]): {
  all: Map<string, string>;
  published: Map<string, string>;
  readmeTable: string;
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
  return { all, published, readmeTable: runs.map((run) => markdownTable(summaryRows(run))).join('\n\n') };
}
