/**
 * Memory: pages that a task touches and gives back while there are enough (the allocator's fast path), and two tasks that use more than there is,
 * with swap, forty thousand touches a second each (everything that the model has).
 */
import { Simulation } from '../../src/kernel/simulation.js';
import { resolveScenario } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { type BenchCase, OURS } from '../case.js';

const STEP_NS = 50e6;
const host = { duration: '1000s', machine: 'qemu-icount', kernel: 'linux-6.1' };

function plenty(): Scenario {
  return resolveScenario({
    ...host,
    name: 'fast path',
    memory: { size: '512MiB' },
    tasks: [
      {
        name: 'task',
        memory: { areas: { heap: '64MiB' } },
        program: [{ loop: [{ touch: { area: 'heap' } }, { free: 'heap' }] }],
      },
    ],
  });
}

function storm(): Scenario {
  return resolveScenario({
    ...host,
    name: 'swap storm',
    memory: { size: '512MiB', swap: { size: '2GiB', latency: '100us' } },
    tasks: [
      {
        name: 'task',
        count: 2,
        memory: { areas: { heap: '300MiB' } },
        program: [
          { touch: { area: 'heap' } },
          { loop: [{ timer: '500us' }, { touch: { area: 'heap', pattern: 'uniform', times: 20 } }] },
        ],
      },
    ],
  });
}

/** Nanoseconds for each page of the fast path, and events a second in a swap storm. */
export function memoryCases(): BenchCase[] {
  const caseOf = (scenario: Scenario, benchmark: string, size: string, unit: BenchCase['unit'], warmUpNs: number) => {
    const simulation = Simulation.create(scenario, 1);
    let nowNs = warmUpNs;
    simulation.run(nowNs);
    const done = (): number => (unit === 'ns_per_op' ? (simulation.memory().vmstat.pgalloc ?? 0) : simulation.events);
    return {
      benchmark,
      size,
      implementation: OURS,
      unit,
      batch: () => {
        const before = done();
        nowNs += STEP_NS;
        simulation.run(nowNs);
        return done() - before;
      },
    };
  };
  return [
    caseOf(plenty(), 'page touched and freed', '64 MiB', 'ns_per_op', 1e9),
    caseOf(storm(), 'event of a swap storm', '2x300 MiB', 'events_per_s', 3e9),
  ];
}
