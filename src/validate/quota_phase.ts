/**
 * From 6.3 on each group's quota periods begin at a random offset (init_cfs_bandwidth), which no trace holds. It is a constant: the one
 * under which the first periods of a recording are replayed best.
 */
import type { Cast } from './history.js';
import { type ReplayOptions, replay } from './replay.js';
import { wrongOf } from './tally.js';
import { begin, type RecordedTrace } from './trace.js';

/** So many periods show it. */
const PERIODS = 10;
/** Tried so many times between two ticks, the first time just behind one. */
const STEPS = 4;
const BEHIND_TICK_NS = 10_000;

/** The cast with its groups' periods where the first of them show that they are; as it was if the kernel has them on multiples of the period. */
export function withQuotaPhases(cast: Cast, trace: RecordedTrace, options: ReplayOptions): Cast {
  if (!cast.scenario.kernel.fair.startsWith('eevdf')) return cast;
  const quotas = cast.scenario.cgroups.flatMap(({ name, quota }) => (quota === null ? [] : [{ name, quota }]));
  return quotas.reduce((best, { name, quota: { periodNs } }) => {
    const first = begin(trace, PERIODS * periodNs);
    const wrong = (phaseNs: number): number => {
      return wrongOf(replay(withPhase(best, name, phaseNs), first, options).counts);
    };
    const count = Math.ceil((periodNs / options.tickNs) * STEPS);
    const phases = Array.from({ length: count }, (_, step) => (step / STEPS) * options.tickNs + BEHIND_TICK_NS);
    const errors = phases.map(wrong);
    return withPhase(best, name, phases[errors.indexOf(Math.min(...errors))] ?? 0);
  }, cast);
}

function withPhase(cast: Cast, group: string, phaseNs: number): Cast {
  const cgroups = cast.scenario.cgroups.map((spec) =>
    spec.name === group && spec.quota !== null ? { ...spec, quota: { ...spec.quota, phaseNs } } : spec,
  );
  return { ...cast, scenario: { ...cast.scenario, cgroups } };
}
