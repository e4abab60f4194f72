/** codis: its own benchmark, in closed loop, and beside batch work under open load. */
import type { Experiment } from './experiment.js';

/** Offered loads of the sweep, in requests a second: up to a third of the host. */
const LOADS = [10_000, 25_000, 50_000, 75_000, 100_000];

const COLOCATION = ['cfs', 'cfs+weights', 'cfs+idle', 'cfs+cpu.idle', 'cfs+bt', 'vmf+bt', 'eevdf'];

/** Latency of codis against offered load, beside two batch workers a CPU. */
export const codis: Experiment = {
  name: 'codis',
  description: 'codis beside batch: latency against offered load',
  cases: LOADS.map((rate) => ({
    name: `${rate / 1000}k/s`,
    scenario: 'codis',
    set: [['codis.rate', String(rate)]],
  })),
  policies: COLOCATION,
  runs: 3,
  quick: { runs: 1, durationNs: 100e6 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};

/** The benchmark that codis publishes: what its model is calibrated on, at two points, and compared with. */
export const codisBenchmark: Experiment = {
  name: 'codis-benchmark',
  description: 'codis’s own benchmark: throughput and latency against clients',
  cases: [
    ...[1, 2, 4, 8, 16, 32, 64, 100, 200, 300, 500, 800].map((clients) => benchmarkCase(clients, 1)),
    ...[1, 2, 8, 64, 100, 800].map((clients) => benchmarkCase(clients, 100)),
  ],
  policies: ['cfs'],
  runs: 3,
  quick: { runs: 1, durationNs: 50e6 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};

function benchmarkCase(clients: number, pipeline: number) {
  return {
    name: pipeline === 1 ? `${clients} clients` : `${clients} clients, pipeline ${pipeline}`,
    scenario: 'codis-benchmark',
    set: [
      ['codis.clients', String(clients)],
      ['codis.pipeline', String(pipeline)],
    ] as const,
  };
}

/** CFS burst: codis without batch, limited to one CPU, when requests come in bursts. */
export const cfsBurst: Experiment = {
  name: 'cfs-burst',
  description: 'codis in bursts, limited to one CPU with and without CFS burst',
  cases: [500, 1000, 2000].map((burst) => ({
    name: `bursts of ${burst}`,
    scenario: 'codis',
    set: [
      ['codis.rate', '40000'],
      ['duration', '2s'],
      ['codis.burst', String(burst)],
      ['tasks.0.start', '60min'],
    ] as const,
  })),
  policies: ['cfs', 'cfs+quota', 'cfs+burst'],
  runs: 3,
  quick: { runs: 1, durationNs: 200e6 },
  published: true,
  cyclictestFiles: false,
  timed: false,
};
