/**
 * A host of 64 CPUs, all sold to 16 guests of four, with batch beside them; and the same tasks on the host itself, to see what a guest's event
 * costs. Events of guests and of the host count alike.
 */
import { Simulation } from '../../src/kernel/simulation.js';
import { resolveScenario } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { type BenchCase, OURS } from '../case.js';

const GUESTS = 16;
const VCPUS = 4;
const STEP_NS = 20e6;
const WARM_UP_NS = 200e6;

/** What runs on four CPUs: cyclictest's threads, and services that want a quarter of them. */
const tasksOf = (cpus: number) => [
  {
    name: 'cyclictest',
    count: cpus,
    pin: 'each' as const,
    program: [{ loop: [{ timer: '1ms' }, { record: 'latency' }, { run: '2us' }] }],
  },
  {
    name: 'service',
    count: 2 * cpus,
    program: [{ loop: [{ sleep: { exponential: '4ms' } }, { run: { lognormal: { median: '500us', sigma: 0.7 } } }] }],
  },
];
const batch = {
  name: 'batch',
  role: 'offline',
  count: 64,
  program: [{ loop: [{ run: '5ms' }, { sleep: { exponential: '5ms' } }] }],
};
const host = { name: 'guests', duration: '1000s', machine: 'server-64', policy: 'vmf' };

function inGuests(): Scenario {
  const guests = [{ name: 'vm', count: GUESTS, vcpus: VCPUS, tasks: tasksOf(VCPUS) }];
  return resolveScenario({ ...host, guests, tasks: [batch] });
}

function onTheHost(): Scenario {
  return resolveScenario({ ...host, tasks: [...tasksOf(GUESTS * VCPUS), batch] });
}

/** Events a second with guests and without, and simulated seconds a second. */
export function guestCases(): BenchCase[] {
  const caseOf = (scenario: Scenario, implementation: string, unit: BenchCase['unit']): BenchCase => {
    const simulation = Simulation.create(scenario, 1);
    let nowNs = WARM_UP_NS;
    simulation.run(nowNs);
    return {
      benchmark: unit === 'events_per_s' ? 'event of a guest' : 'host with guests',
      size: `${GUESTS}x${VCPUS}`,
      implementation,
      unit,
      batch: () => {
        const before = simulation.events;
        nowNs += STEP_NS;
        simulation.run(nowNs);
        return unit === 'events_per_s' ? simulation.events - before : STEP_NS / 1e9;
      },
    };
  };
  return [
    caseOf(inGuests(), OURS, 'events_per_s'),
    caseOf(onTheHost(), 'the same tasks without guests', 'events_per_s'),
    caseOf(inGuests(), OURS, 'simulated_s_per_s'),
  ];
}
