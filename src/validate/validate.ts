/**
 * Validation as a whole: selects recordings, simulates their scenarios and compares.
 */
import { UserError } from '../errors.js';
import type { TraceWindow } from '../kernel/compile.js';
import type { Result } from '../results/result.js';
import type { Kernel, Machine, Scenario } from '../scenario/scenario.js';
import { compare, type ValidationRow, voidRow } from './compare.js';
import { MEMORY_KERNEL, memoryCases } from './memory/recordings.js';
import { memoryRows } from './memory/validate.js';
import { type Figure, type IndexEntry, type Recording, readIndex, readRecording, selectEntries } from './recordings.js';
import { replayInput, withLags } from './replay_input.js';
import { replayRows } from './replay_rows.js';
import { scenarioOf } from './scenario.js';

/** How the simulator is held against a recording: the same workload simulated, or its history followed; memory cases are always simulated. */
export const MODES = ['scenario', 'replay', 'memory'] as const;

/** Figures that only replay mode looks at. */
const REPLAY_FIGURES: readonly Figure[] = ['order', 'vruntime'];

/** What stands for the recorded kernels and machines. */
export interface ValidationPresets {
  kernel: (name: string) => Kernel;
  /** The machine that a recording was made on; null if there is none, which makes the case void. */
  machine: (entry: IndexEntry) => Machine | null;
  /** The machine of the memory recordings. */
  memoryMachine: () => Machine;
}

export interface ValidationOptions {
  dataDir: string;
  kernels: readonly string[];
  /** Null: all that were recorded. */
  cases: readonly string[] | null;
  modes: readonly string[];
  seed: number;
  presets: ValidationPresets;
  simulate: (scenario: Scenario, seed: number, trace: TraceWindow | null) => Promise<Result>;
}

/** Every figure of every selected recording, in the order of the index. */
export async function validate(options: ValidationOptions): Promise<ValidationRow[]> {
  requireModes(options.modes);
  const ofMemory = memoryCasesOf(options);
  const entries = selectEntries(readIndex(options.dataDir), options.kernels, options.cases, ofMemory);
  const rows = await Promise.all([
    ...entries.map((entry) => validateOne(entry, options)),
    ...ofMemory.map((id) => validateMemory(id, options)),
  ]);
  return rows.flat();
}

/** The memory cases that are asked for. */
function memoryCasesOf({ dataDir, kernels, cases, modes }: ValidationOptions): string[] {
  if (!modes.includes('memory') || !kernels.includes(MEMORY_KERNEL)) return [];
  return memoryCases(dataDir).filter((id) => cases === null || cases.includes(id));
}

async function validateMemory(id: string, { dataDir, presets, seed, simulate }: ValidationOptions) {
  return memoryRows(dataDir, id, presets.memoryMachine(), presets.kernel(MEMORY_KERNEL), seed, simulate);
}

async function validateOne(entry: IndexEntry, options: ValidationOptions): Promise<ValidationRow[]> {
  const { dataDir, modes, presets } = options;
  const read = readRecording(dataDir, entry);
  const kernel = presets.kernel(entry.kernel);
  const machine = presets.machine(entry);
  const input = machine === null ? 'no machine stands for its own' : replayInput(read, dataDir, machine, kernel);
  const recording = withLags(read, input);
  const rows: ValidationRow[] = [];
  if (modes.includes('scenario') && concernsScenarioMode(entry)) {
    rows.push(...(await scenarioRows(recording, machine, kernel, options)));
  }
  if (modes.includes('replay') && machine !== null && entry.trace !== null) {
    rows.push(...replayRows(recording, input));
  }
  return rows;
}

async function scenarioRows(
  recording: Recording,
  machine: Machine | null,
  kernel: Kernel,
  options: ValidationOptions,
): Promise<ValidationRow[]> {
  if (recording.summary.lost_events_notes.length > 0) return [voidRow(recording, 'the recording lost events')];
  if (machine === null) return [voidRow(recording, `no machine preset stands for mode ${recording.entry.mode}`)];
  const mapping = scenarioOf(recording, machine, kernel);
  if ('unsupported' in mapping) return [voidRow(recording, mapping.unsupported)];
  const result = await options.simulate(mapping.scenario, options.seed, null);
  return compare(recording, result, 1e6 / kernel.hz);
}

/** Recordings made for replay alone have nothing to say here; those that vouch for nothing are shown, as not measured. */
function concernsScenarioMode({ trust }: IndexEntry): boolean {
  return trust.length === 0 || trust.some((figure) => !REPLAY_FIGURES.includes(figure));
}

function requireModes(modes: readonly string[]): void {
  const known: readonly string[] = MODES;
  const unknown = modes.find((mode) => !known.includes(mode));
  if (unknown !== undefined) throw new UserError('--mode', null, `expected ${MODES.join(', ')}, found "${unknown}"`);
}
