/** Memory cases of a validation: each is simulated on the recordings' machine, and compared with both of its boots. */
import type { TraceWindow } from '../../kernel/compile.js';
import type { Result } from '../../results/result.js';
import type { Kernel, Machine, Scenario } from '../../scenario/scenario.js';
import type { ValidationRow } from '../compare.js';
import { compareMemory, sleepsUndisturbed, voidMemoryRow } from './compare.js';
import { bootMinFreeKb, type MemoryRecording, readMemoryRecording } from './recordings.js';
import { hasHugePages, memoryScenarioOf } from './scenario.js';

/** Entries of the trace that cases need in which tasks are killed or sleep one by one. */
const TRACE_ENTRIES = 2 ** 18;

export type SimulateTraced = (scenario: Scenario, seed: number, trace: TraceWindow | null) => Promise<Result>;

/** All rows of one case. */
export async function memoryRows(
  dataDir: string,
  id: string,
  machine: Machine,
  kernel: Kernel,
  seed: number,
  simulate: SimulateTraced,
): Promise<ValidationRow[]> {
  const recording = readMemoryRecording(dataDir, id);
  const mapping = memoryScenarioOf(recording, machine, kernel, minFreeKb(dataDir, recording));
  if ('unsupported' in mapping) return [voidMemoryRow(recording, mapping.unsupported)];
  const { scenario, t0Ns } = mapping;
  const killed = recording.a.vmstat_delta.oom_kill !== undefined;
  const trace =
    killed || sleepsUndisturbed(recording)
      ? { fromNs: t0Ns, toNs: scenario.durationNs, capacity: TRACE_ENTRIES }
      : null;
  return compareMemory(recording, await simulate(scenario, seed, trace), t0Ns);
}

function minFreeKb(dataDir: string, { scenario }: MemoryRecording): number | null {
  return bootMinFreeKb(dataDir, scenario.ram_mib, hasHugePages(scenario) ? 'always' : 'never');
}
