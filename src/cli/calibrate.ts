/** `kpbench calibrate`: fits a scenario's free parameters to given figures; exit status 1 when one cannot be reached. */
import { Command } from 'commander';
import { calibrate, fits } from '../calibrate/calibrate.js';
import { calibrationFiles } from '../calibrate/files.js';
import { loadPlan } from '../calibrate/plan.js';
import { calibrationReport } from '../calibrate/report.js';
import { writeWhole } from '../results/files.js';
import { withWorkers } from '../sweep/pool.js';
import { wholeNumber } from './options.js';
import { withProgress } from './progress.js';

interface CalibrateFlags {
  seed: number;
  runs: number;
  budget?: number;
  jobs?: number;
  out?: string;
}

export function calibrateCommand(): Command {
  return new Command('calibrate')
    .description('fit free parameters of a scenario to figures of one policy (docs/calibration.md)')
    .argument('<fit.yaml>')
    .option('--seed <n>', 'of the search, and the first of the simulations', wholeNumber('--seed', 0), 1)
    .option('--runs <n>', 'seeds of each candidate', wholeNumber('--runs', 1), 3)
    .option('--budget <n>', 'the most simulations (default: 30 candidates a parameter)', wholeNumber('--budget', 1))
    .option('--jobs <n>', 'simulations at a time (default: one a core)', wholeNumber('--jobs', 1))
    .option('--out <dir>', 'write the fitted scenarios, every evaluation and a manifest')
    .action(run);
}

async function run(file: string, flags: CalibrateFlags): Promise<void> {
  const plan = loadPlan(file);
  const { seed, runs, budget } = flags;
  const calibration = await withProgress('calibrate', (onProgress) =>
    withWorkers(flags.jobs, (batch) => calibrate(plan, batch, { seed, runs, budget, onProgress })),
  );
  if (flags.out !== undefined) writeWhole(flags.out, calibrationFiles(calibration));
  process.stdout.write(calibrationReport(calibration));
  if (fits(calibration)) return;
  process.stderr.write('kpbench: not every target was reached within these bounds; this is the best fit\n');
  process.exitCode = 1;
}
