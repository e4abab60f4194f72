/**
 * Memory: pages that a task touches and gives back while there are enough (the allocator's fast path), and two tasks that use more than there is,
 * with swap, forty thousand touches a second each (everything that the model has).
 */
import { Simulation } from '../../src/kernel/simulation.js';
import { resolveScenario } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { type BenchCase, OURS } from '../case.js';

const STEP_NS = 250e6;
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

/** What the memory side does to a page, each as often as /proc/vmstat counts it; none of them counts another of them again. */
const MEMORY_EVENTS = [
  'pgfault',
  'pgalloc',
  'pgfree',
  'pgscan_kswapd',
  'pgscan_direct',
  'pgrefill',
  'pgactivate',
  'pswpin',
  'pswpout',
] as const;

/** Nanoseconds for each page of the fast path; memory events, and events of the whole simulation, a second in a swap storm. */
export function memoryCases(): BenchCase[] {
  const pagesAllocated = (simulation: Simulation): number => simulation.memory().vmstat.pgalloc ?? 0;
  const memoryEvents = (simulation: Simulation): number => {
    const { vmstat } = simulation.memory();
    return MEMORY_EVENTS.reduce((sum, name) => sum + (vmstat[name] ?? 0), 0);
  };
  const caseOf = (
    benchmark: string,
    size: string,
    unit: BenchCase['unit'],
    [scenario, warmUpNs]: [Scenario, number],
    done: (simulation: Simulation) => number,
  ): BenchCase => {
    const simulation = Simulation.create(scenario, 1);
    let nowNs = warmUpNs;
    simulation.run(nowNs);
    return {
      benchmark,
      size,
      implementation: OURS,
      unit,
      batch: () => {
        const before = done(simulation);
        nowNs += STEP_NS;
        simulation.run(nowNs);
        return done(simulation) - before;
      },
    };
  };
  const inStorm: [Scenario, number] = [storm(), 3e9];
  return [
    caseOf('page touched and freed', '64 MiB', 'ns_per_op', [plenty(), 1e9], pagesAllocated),
    caseOf('memory event of a swap storm', '2x300 MiB', 'events_per_s', inStorm, memoryEvents),
    caseOf('event of a swap storm', '2x300 MiB', 'events_per_s', inStorm, (simulation) => simulation.events),
  ];
}
