/** `kpbench validate`: the simulator against recorded kernels; exit status 1 when a gating figure disagrees. */
import { Command } from 'commander';
import { writeWhole } from '../results/files.js';
import { loadKernel, loadMachine } from '../scenario/load.js';
import type { Machine } from '../scenario/scenario.js';
import { runJobs } from '../sweep/pool.js';
import { lostAgreement } from '../validate/against.js';
import { fails } from '../validate/compare.js';
import { picture } from '../validate/picture.js';
import { PUBLISHED_FILE, publishedTable } from '../validate/published.js';
import {
  DEFAULT_RECORDINGS,
  type IndexEntry,
  readIndex,
  readRecording,
  selectEntries,
} from '../validate/recordings.js';
import { VALIDATION_FILE, validationCsv, validationTable } from '../validate/report.js';
import { MODES, validate } from '../validate/validate.js';
import { nameList, wholeNumber } from './options.js';

/** The machine preset that stands for each way of recording, or each kernel recorded that way. */
const MACHINES: Readonly<Record<string, string>> = {
  'icount linux-6.1': 'qemu-icount',
  'icount linux-6.12': 'qemu-icount-6.12',
  'icount tk3-4.14': 'qemu-icount-4.14',
  mttcg2: 'qemu-mttcg',
  'mttcg2 tk3-4.14': 'qemu-mttcg-4.14',
};

interface ValidateFlags {
  kernel: string[];
  case?: string[];
  mode: string[];
  data: string;
  seed: number;
  out?: string;
  against?: string;
  svg?: string;
}

export function validateCommand(): Command {
  return new Command('validate')
    .description('simulate what was recorded of real kernels, and compare')
    .option('--kernel <list>', 'recorded kernels', nameList('--kernel'), ['linux-6.1', 'linux-6.12', 'tk3-4.14'])
    .option('--case <list>', 'recorded cases (default: all)', nameList('--case'))
    .option('--mode <list>', MODES.join(', '), nameList('--mode'), [...MODES])
    .option('--data <dir>', 'folder of recordings', DEFAULT_RECORDINGS)
    .option('--seed <n>', 'seed', wholeNumber('--seed', 0), 1)
    .option('--out <dir>', `write ${VALIDATION_FILE} and ${PUBLISHED_FILE}`)
    .option('--svg <dir>', 'draw the begin of each recording beside the simulated one')
    .option('--against <csv>', 'fail only for what agreed in that table and no longer does')
    .action(run);
}

async function run(flags: ValidateFlags): Promise<void> {
  const rows = await validate({
    dataDir: flags.data,
    kernels: flags.kernel,
    cases: flags.case ?? null,
    modes: flags.mode,
    seed: flags.seed,
    presets: { kernel: loadKernel, machine: machineFor, memoryMachine: () => loadMachine('qemu-icount') },
    simulate: async (scenario, seed, trace) => {
      const [result] = await runJobs([{ scenario, seed, trace }], 1);
      if (result === undefined) throw new Error('a job without a result');
      return result;
    },
  });
  if (flags.out !== undefined) {
    const files = [
      [VALIDATION_FILE, validationCsv(rows)],
      [PUBLISHED_FILE, publishedTable(rows)],
    ] as const;
    writeWhole(flags.out, new Map(files));
  }
  if (flags.svg !== undefined) draw(flags, flags.svg);
  process.stdout.write(validationTable(rows));
  if (flags.against === undefined) {
    if (rows.some(fails)) process.exitCode = 1;
    return;
  }
  const lost = lostAgreement(rows, flags.against);
  process.stdout.write(`${lost.length} of the figures that agreed in ${flags.against} no longer do\n`);
  for (const { kernel, case: name, label, mode, task, metric } of lost) {
    process.stdout.write(`  ${kernel}  ${name}  ${label}  ${mode}  ${task}  ${metric}\n`);
  }
  if (lost.length > 0) process.exitCode = 1;
}

/** One picture a recording that has a trace. */
function draw({ data, kernel, case: cases, seed }: ValidateFlags, dir: string): void {
  const files = new Map<string, string>();
  for (const entry of selectEntries(readIndex(data), kernel, cases ?? null)) {
    const machine = machineFor(entry);
    if (machine === null) continue;
    const drawn = picture(readRecording(data, entry), data, machine, loadKernel(entry.kernel), seed);
    if (drawn !== null) files.set(...drawn);
  }
  writeWhole(dir, files);
}

/** The machine that stands for the one a recording was made on; null: none does. */
export function machineFor({ mode, kernel, cpus }: IndexEntry): Machine | null {
  const preset = MACHINES[`${mode} ${kernel}`] ?? MACHINES[mode];
  return preset === undefined ? null : { ...loadMachine(preset), cpus, cpusPerLlc: cpus };
}
