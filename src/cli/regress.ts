/** `kpbench regress`: the quick bench against the committed baseline; exit status 1 on any difference. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import chalk from 'chalk';
import { Command } from 'commander';
import { runBench } from '../experiments/bench.js';
import { compareWithBaseline, headlines, historyFiles, isSame, type RegressionResult } from '../experiments/regress.js';
import { packageRoot } from '../paths.js';
import { writeWhole } from '../results/files.js';
import { wholeNumber } from './options.js';
import { withProgress } from './progress.js';

interface RegressFlags {
  accept?: boolean;
  baseline: string;
  history: string;
  jobs?: number;
}

const MOST_LINES = 60;

export function regressCommand(): Command {
  return new Command('regress')
    .description('compare the quick bench with the baseline; any difference fails until --accept')
    .option('--accept', 'write the new baseline and append to the history')
    .option('--baseline <dir>', 'folder of the baseline', join(packageRoot, 'results', 'baseline'))
    .option('--history <dir>', 'folder of histories and trends', join(packageRoot, 'results', 'history'))
    .option('--jobs <n>', 'simulations at a time (default: one a core)', wholeNumber('--jobs', 1))
    .action(regress);
}

async function regress(flags: RegressFlags): Promise<void> {
  const runs = await withProgress('regress', (onProgress) =>
    runBench({ quick: true, workers: flags.jobs, onProgress }),
  );
  const results = compareWithBaseline(runs, flags.baseline);
  for (const result of results) process.stdout.write(describe(result));
  if (flags.accept === true) {
    const entries = headlines(runs, { date: new Date().toISOString().slice(0, 10), commit: currentCommit() });
    writeWhole(flags.baseline, new Map(results.map((result) => [`${result.experiment}.csv`, result.csv])));
    writeWhole(flags.history, historyFiles(entries, flags.history));
    process.stdout.write('accepted: baseline written, history appended\n');
  } else if (results.some((result) => !isSame(result.comparison))) {
    process.stderr.write('kpbench: figures differ from the baseline; if that is meant, run kpbench regress --accept\n');
    process.exitCode = 1;
  }
}

function describe({ experiment, comparison }: RegressionResult): string {
  if (comparison === null) return `${experiment}: no baseline yet\n`;
  if (isSame(comparison)) return `${experiment}: ${chalk.green('same as the baseline')}\n`;
  const lines = [
    ...comparison.missing.map((key) => `- ${key}`),
    ...comparison.extra.map((key) => `+ ${key}`),
    ...comparison.differences.map((d) => `  ${d.key}: ${d.column} ${d.old ?? '–'} → ${chalk.bold(d.new ?? '–')}`),
  ];
  const more = lines.length > MOST_LINES ? [`  … and ${lines.length - MOST_LINES} more`] : [];
  return `${[`${experiment}:`, ...lines.slice(0, MOST_LINES), ...more].join('\n')}\n`;
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: packageRoot, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
