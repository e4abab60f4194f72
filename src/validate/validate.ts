/**
 * Validation as a whole: selects recordings, simulates their scenarios and compares.
 */
import { UserError } from '../errors.js';
import type { Result } from '../results/result.js';
import type { Kernel, Machine, Scenario } from '../scenario/scenario.js';
import { compare, type ValidationRow, voidRow } from './compare.js';
import { type Figure, type IndexEntry, readIndex, readRecording, selectEntries } from './recordings.js';
import { scenarioOf } from './scenario.js';

/** How the simulator is held against a recording. */
export const MODES = ['scenario', 'replay'] as const;

/** Figures that only replay mode looks at. */
const REPLAY_FIGURES: readonly Figure[] = ['order', 'vruntime'];

/** What stands for the recorded kernels and machines. */
export interface ValidationPresets {
  kernel: (name: string) => Kernel;
  /** The machine that a recording was made on; null if there is none, which makes the case void. */
  machine: (entry: IndexEntry) => Machine | null;
}

export interface ValidationOptions {
  dataDir: string;
  kernels: readonly string[];
  /** Null: all that were recorded. */
  cases: readonly string[] | null;
  modes: readonly string[];
  seed: number;
  presets: ValidationPresets;
  simulate: (scenario: Scenario, seed: number) => Promise<Result>;
}

/** Every figure of every selected recording, in the order of the index. */
export async function validate(options: ValidationOptions): Promise<ValidationRow[]> {
  requireModes(options.modes);
  const entries = selectEntries(readIndex(options.dataDir), options.kernels, options.cases).filter(
    concernsScenarioMode,
  );
  const rows = await Promise.all(entries.map((entry) => validateOne(entry, options)));
  return rows.flat();
}

async function validateOne(entry: IndexEntry, options: ValidationOptions): Promise<ValidationRow[]> {
  const recording = readRecording(options.dataDir, entry);
  if (recording.summary.lost_events_notes.length > 0) return [voidRow(recording, 'the recording lost events')];
  const machine = options.presets.machine(entry);
  if (machine === null) return [voidRow(recording, `no machine preset stands for mode ${entry.mode}`)];
  const kernel = options.presets.kernel(entry.kernel);
  const mapping = scenarioOf(recording, machine, kernel);
  if ('unsupported' in mapping) return [voidRow(recording, mapping.unsupported)];
  const result = await options.simulate(mapping.scenario, options.seed);
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
  if (modes.includes('replay')) throw new UserError('--mode', null, 'replay is not part of this version, use scenario');
}
