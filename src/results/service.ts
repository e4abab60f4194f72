/**
 * The figures of a service under load: what was offered and served, how busy its host was, how many requests came too late. A scenario has
 * them if it has a load generator: tasks of role client, whose CPUs are not the host's.
 */
import type { Scenario } from '../scenario/scenario.js';
import { fractionAbove } from './histogram.js';
import type { RecorderResult, Result } from './result.js';

/** Columns of services, behind those of every experiment; a CSV has them if a row has them. */
export const SERVICE_COLUMNS = [
  'offered_per_s',
  'throughput_per_s',
  'cpu_util_pct',
  'online_util_pct',
  'timeouts_per_s',
  'throughput_low_per_s',
  'throughput_high_per_s',
  'p99_low_us',
  'p99_high_us',
  'timeouts_low_per_s',
  'timeouts_high_per_s',
] as const;

export type ServiceColumn = (typeof SERVICE_COLUMNS)[number];
export type ServiceFigures = Partial<Record<ServiceColumn, number | null>>;

const CLIENT = 'client';
const ONLINE = 'online';

/** Figures of one recorder; none without a load generator. `timeoutNs`: a request that takes as long is late; null: none is. */
export function serviceFigures(
  scenario: Scenario,
  result: Result,
  recorder: RecorderResult,
  timeoutNs: number | null,
): ServiceFigures {
  if (!scenario.tasks.some(({ role }) => role === CLIENT)) return {};
  const seconds = result.durationNs / 1e9;
  const perSecond = recorder.latency.count / seconds;
  const late = timeoutNs === null || recorder.latency.count === 0 ? null : fractionAbove(recorder.latency, timeoutNs);
  const cpus = hostCpus(scenario);
  const idleNs = result.cpus.reduce((sum, { cpu, idleNs: idle }) => sum + (cpus.has(cpu) ? idle : 0), 0);
  // Fibers run on threads, whose time has theirs.
  const online = scenario.tasks.filter(({ role, runsOn }) => role === ONLINE && runsOn === undefined);
  const onlineNs = result.tasks.reduce(
    (sum, { name, cpuNs }) => sum + (online.some((task) => task.name === name) ? cpuNs : 0),
    0,
  );
  const share = (ns: number) => (100 * ns) / (result.durationNs * cpus.size);
  return {
    offered_per_s: scenario.offeredPerS ?? null,
    throughput_per_s: perSecond,
    cpu_util_pct: 100 - share(idleNs),
    online_util_pct: share(onlineNs),
    timeouts_per_s: late === null ? null : late * perSecond,
  };
}

/** CPUs that something else than the load generator may use. */
function hostCpus({ machine, tasks }: Scenario): Set<number> {
  const every = Array.from({ length: machine.cpus }, (_, cpu) => cpu);
  return new Set(
    tasks.filter(({ role, runsOn }) => role !== CLIENT && runsOn === undefined).flatMap(({ cpus }) => cpus ?? every),
  );
}
