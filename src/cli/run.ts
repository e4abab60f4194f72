/** `kpbench run`: simulates an experiment or a scenario under one or more policies. */
import chalk from 'chalk';
import { Command } from 'commander';
import { UserError } from '../errors.js';
import { EXPERIMENTS } from '../experiments/catalog.js';
import { type CasePlan, type ExperimentRun, runExperiment, traceWorst } from '../experiments/experiment.js';
import { experimentFiles } from '../experiments/files.js';
import { planExperiment, planScenario } from '../experiments/plan.js';
import { resultTable } from '../report/load.js';
import { taskTable } from '../report/tasks.js';
import { timeline } from '../report/timeline.js';
import { humanNumber } from '../report/units.js';
import { writeMetrics } from '../results/csv.js';
import { writeWhole } from '../results/files.js';
import { assignment, duration, nameList, wholeNumber } from './options.js';
import { withProgress } from './progress.js';

const FORMATS = ['table', 'csv', 'json'];
const QUICK = { runs: 2, durationNs: 5e9 };

interface RunFlags {
  policy?: string[];
  seed: number;
  runs?: number;
  duration?: number;
  set: Array<[string, string]>;
  quick?: boolean;
  trace?: boolean;
  jobs?: number;
  format: string[];
  out?: string;
}

export function runCommand(): Command {
  return new Command('run')
    .description('simulate an experiment (see kpbench list) or a scenario file and report')
    .argument('<experiment or file>')
    .option('--policy <a,b>', 'policies, by name or file (default: the experiment’s own)', nameList('--policy'))
    .option('--seed <n>', 'first seed', wholeNumber('--seed', 0), 1)
    .option(
      '--runs <n>',
      'seeds to run (default: the experiment’s own, of a scenario file 1)',
      wholeNumber('--runs', 1),
    )
    .option('--duration <time>', 'simulated time, such as 60s', duration('--duration'))
    .option('--set <path=value>', 'change the scenario, such as tasks.0.count=4', assignment, [])
    .option(
      '--quick',
      `fewer seeds and shorter runs; of a scenario file ${QUICK.runs} seeds of ${QUICK.durationNs / 1e9} s`,
    )
    .option('--trace', 'show what happened around the worst sample of each case')
    .option('--jobs <n>', 'simulations at a time (default: one a core)', wholeNumber('--jobs', 1))
    .option('--format <list>', `what to print: ${FORMATS.join(', ')}`, nameList('--format'), ['table'])
    .option('--out <dir>', 'write CSV, pictures, histograms and a manifest')
    .action(run);
}

async function run(name: string, flags: RunFlags): Promise<void> {
  const unknown = flags.format.find((format) => !FORMATS.includes(format));
  if (unknown !== undefined) {
    throw new UserError('--format', null, `expected ${FORMATS.join(', ')}, found "${unknown}"`);
  }
  const experiment = EXPERIMENTS.find((candidate) => candidate.name === name);
  const quick = flags.quick === true ? (experiment?.quick ?? QUICK) : undefined;
  const asked = { policies: flags.policy, durationNs: flags.duration ?? quick?.durationNs, set: flags.set };
  const plans = experiment === undefined ? planScenario(name, asked) : planExperiment(experiment, asked);
  const runs = flags.runs ?? quick?.runs ?? experiment?.runs ?? 1;
  const begin = performance.now();
  const result = await withProgress(name, (onProgress) =>
    runExperiment(experiment?.name ?? plans[0]?.scenario.name ?? name, plans, {
      seed: flags.seed,
      runs,
      workers: flags.jobs,
      onProgress,
      timeoutNs: experiment?.timeoutNs,
    }),
  );
  const tookS = (performance.now() - begin) / 1000;
  if (flags.out !== undefined) writeWhole(flags.out, experimentFiles(result, experiment?.cyclictestFiles ?? false));
  for (const format of flags.format) process.stdout.write(print(result, format));
  if (flags.trace === true) await printWorst(result);
  // Not on stdout: results are the same to the byte every time, speed is not.
  if (experiment?.timed === true) process.stderr.write(speedLine(plans, runs, tookS));
}

function speedLine(plans: readonly CasePlan[], runs: number, tookS: number): string {
  const simulatedS = runs * plans.reduce((sum, { scenario }) => sum + scenario.durationNs / 1e9, 0);
  const speed = humanNumber(Math.round(simulatedS / tookS));
  return `${humanNumber(simulatedS)} simulated seconds in ${tookS.toFixed(2)} s: ${speed} simulated seconds per wall second\n`;
}

function print(run: ExperimentRun, format: string): string {
  if (format === 'csv') return writeMetrics(run.rows);
  if (format === 'json') return `${JSON.stringify(run.rows, null, 2)}\n`;
  if (run.rows.length > 0) return resultTable(run.rows);
  // Nothing is recorded: who had the CPU is what there is to tell.
  return run.cases
    .flatMap(({ case: name, policy, results }) =>
      results.slice(0, 1).map((result) => `${chalk.bold(`${name}  ${policy}`)}\n${taskTable(result)}`),
    )
    .join('\n');
}

async function printWorst(run: ExperimentRun): Promise<void> {
  for (const caseRun of run.cases) {
    const worst = await traceWorst(caseRun);
    if (worst === null) continue;
    const { task, thread, recorder } = worst;
    const head = `${caseRun.case}  ${caseRun.policy}  seed ${worst.seed}: worst sample of ${task}`;
    const focus = { aroundNs: recorder.worst.atNs, task, cpu: null, ...(thread === null ? {} : { thread }) };
    process.stdout.write(`\n${chalk.bold(head)}\n${timeline(worst.events, focus)}`);
  }
}
