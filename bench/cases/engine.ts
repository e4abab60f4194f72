/**
 * The whole engine, in events a second: 1 of 16 tasks computes for ever, the others run for 50–350 µs and sleep so long that together they
 * want half of the CPUs. A machine without costs, so that only the engine's own work counts.
 */
import { Simulation } from '../../src/kernel/simulation.js';
import { resolveScenario } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { type BenchCase, OURS } from '../case.js';

/** Tasks and CPUs. */
export type EngineSize = readonly [tasks: number, cpus: number];

const MEAN_RUN_US = 200;
const EVENTS_PER_BATCH = 40_000;

/** The scenario of a size. */
export function engineScenario([tasks, cpus]: EngineSize): Scenario {
  const hogs = Math.max(1, Math.floor(tasks / 16));
  const bursts = tasks - hogs;
  const sleepUs = Math.max(1, Math.round((bursts * MEAN_RUN_US) / (cpus * 0.5) - MEAN_RUN_US));
  return resolveScenario({
    name: `engine-${tasks}x${cpus}`,
    duration: '100000s',
    machine: { preset: 'ideal-4', cpus, cpusPerLlc: Math.min(cpus, 32) },
    tasks: [
      { name: 'hog', count: hogs, program: [{ loop: [{ run: '1s' }] }] },
      {
        name: 'burst',
        count: bursts,
        program: [
          {
            loop: [
              { run: { uniform: ['50us', `${2 * MEAN_RUN_US - 50}us`] } },
              { sleep: { uniform: [`${Math.round(sleepUs / 2)}us`, `${Math.round(sleepUs * 1.5)}us`] } },
            ],
          },
        ],
      },
    ],
  });
}

/** Simulated time after which every task has slept at least once, and that of one batch. */
export function engineTimes([tasks, cpus]: EngineSize): { warmUpNs: number; stepNs: number } {
  const cycleNs = (tasks * MEAN_RUN_US * 1000) / (cpus * 0.5);
  const eventsPerNs = (2 * tasks) / cycleNs;
  return { warmUpNs: 2 * cycleNs, stepNs: Math.round(EVENTS_PER_BATCH / eventsPerNs) };
}

export function engineCases(sizes: readonly EngineSize[]): BenchCase[] {
  return sizes.map((size) => {
    const { warmUpNs, stepNs } = engineTimes(size);
    const simulation = Simulation.create(engineScenario(size), 1);
    let nowNs = warmUpNs;
    simulation.run(nowNs);
    return {
      benchmark: 'engine',
      size: size.join('x'),
      implementation: OURS,
      unit: 'events_per_s' as const,
      batch: () => {
        const before = simulation.events;
        nowNs += stepNs;
        simulation.run(nowNs);
        return simulation.events - before;
      },
    };
  });
}
