/** `kpbench bench`: the published set of experiments, into results/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { benchFiles, runBench } from '../experiments/bench.js';
import { packageRoot } from '../paths.js';
import { resultTable } from '../report/load.js';
import { replaceSection } from '../report/markdown.js';
import { writeWhole } from '../results/files.js';
import { wholeNumber } from './options.js';
import { withProgress } from './progress.js';

const REPRODUCTION = join('docs', 'reproduction.md');
const RUE = join('docs', 'rue.md');

interface BenchFlags {
  quick?: boolean;
  publish?: boolean;
  jobs?: number;
  out: string;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('run the published set of experiments')
    .option('--quick', 'fewer seeds and shorter runs')
    .option('--publish', 'refresh the committed results/*.csv, pictures and tables')
    .option('--jobs <n>', 'simulations at a time (default: one a core)', wholeNumber('--jobs', 1))
    .option('--out <dir>', 'where to write', join(packageRoot, 'results', 'latest'))
    .action(bench);
}

async function bench(flags: BenchFlags): Promise<void> {
  const runs = await withProgress('bench', (onProgress) =>
    runBench({ quick: flags.quick ?? false, workers: flags.jobs, onProgress }),
  );
  for (const run of runs) process.stdout.write(`${resultTable(run.rows)}\n`);
  const files = benchFiles(runs);
  writeWhole(flags.out, files.all);
  process.stderr.write(`wrote ${files.all.size} files to ${flags.out}\n`);
  if (flags.publish !== true) return;
  const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');
  const published = new Map([...files.published].map(([name, content]) => [join('results', name), content]));
  published.set('README.md', replaceSection(readme, 'results', files.readmeTable));
  const reproduction = readFileSync(join(packageRoot, REPRODUCTION), 'utf8');
  published.set(REPRODUCTION, replaceSection(reproduction, 'reproduction', files.reproductionTable, REPRODUCTION));
  const rue = readFileSync(join(packageRoot, RUE), 'utf8');
  published.set(RUE, replaceSection(rue, 'rue', files.memoryTable, RUE));
  writeWhole(packageRoot, published);
  process.stderr.write('refreshed results/ and the tables in README.md, docs/reproduction.md and docs/rue.md\n');
}
