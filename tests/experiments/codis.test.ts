/** codis: the laws that every queueing network obeys, and the shape of the benchmark that codis publishes. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { quantileNs } from '../../src/results/histogram.js';
import type { Result } from '../../src/results/result.js';
import { loadScenario } from '../../src/scenario/load.js';

const MS = 1e6;

function runCodis(
  name: string,
  options: Record<string, number | string>,
  durationNs = 200 * MS,
  policy?: string,
): Result {
  const set = Object.entries(options).map(([key, value]) => [`codis.${key}`, String(value)] as const);
  return simulate(loadScenario(name, { set, durationNs, ...(policy === undefined ? {} : { policy }) }), 1);
}

const recorder = (result: Result, name: string) => {
  const found = result.recorders.find((candidate) => candidate.recorder === name);
  if (found === undefined) throw new Error(`no recorder ${name}`);
  return found.latency;
};
const throughput = (result: Result) => recorder(result, 'response').count / (result.durationNs / 1e9);
const cpuOf = (result: Result, name: string) => result.tasks.find((task) => task.name === name)?.cpuNs ?? 0;

/** CodisLabs/codis doc/bench/input1, doc/bench1/input2: i7-4770, codis 2.0 with four CPUs, (SET + GET) / 2, requests a second. */
const PUBLISHED: ReadonlyArray<[clients: number, pipeline: number, perSecond: number]> = [
  [1, 1, 18_808],
  [2, 1, 32_676],
  [4, 1, 64_895],
  [8, 1, 107_440],
  [64, 1, 169_755],
  [100, 1, 177_278],
  [200, 1, 178_518],
  [300, 1, 175_404],
  [1, 100, 323_324],
  [8, 100, 706_530],
  [100, 100, 871_447],
];

describe('codis in closed loop', () => {
  it.each(PUBLISHED)(
    '%i clients, pipeline %i: within a seventh of the published %i requests/s',
    (clients, pipeline, published) => {
      const ratio = throughput(runCodis('codis-benchmark', { clients, pipeline })) / published;
      expect(ratio).toBeGreaterThan(6 / 7);
      expect(ratio).toBeLessThan(7 / 6);
    },
  );

  it('obeys the operational laws: clients = throughput × response, and no stage is busier than its threads', () => {
    for (const clients of [1, 8, 64, 200]) {
      const result = runCodis('codis-benchmark', { clients });
      const { count, sumNs } = recorder(result, 'response');
      // Little: every connection always has one request under way.
      expect((throughput(result) * (sumNs / count)) / 1e9 / clients).toBeCloseTo(1, 1);
      // Utilisation: what requests need of each stage is what the stage has done.
      for (const [task, threads] of [
        ['client', 1],
        ['proxy', 4],
        ['redis-0', 1],
      ] as const)
        expect(cpuOf(result, task)).toBeLessThanOrEqual(1.001 * threads * result.durationNs);
    }
  });

  it('saturates: p99 grows with the clients, throughput does not', () => {
    const results = [100, 200, 400].map((clients) => runCodis('codis-benchmark', { clients }));
    const p99 = results.map((result) => quantileNs(recorder(result, 'response'), 0.99));
    expect((p99[1] ?? 0) / (p99[0] ?? 1)).toBeGreaterThan(1.8);
    expect((p99[2] ?? 0) / (p99[1] ?? 1)).toBeGreaterThan(1.8);
    expect(throughput(results[2] as Result) / throughput(results[0] as Result)).toBeLessThan(1.1);
  });

  it('shares the load by slots', () => {
    const result = runCodis('codis-benchmark', { clients: 64, slots: '[512, 256, 256]' });
    const [half, quarter] = [0, 1].map(
      (server) => result.tasks.find(({ name }) => name === `backend-reader-${server}`)?.cpuNs ?? 0,
    );
    expect((half ?? 0) / (quarter ?? 1)).toBeGreaterThan(1.6);
    expect((half ?? 0) / (quarter ?? 1)).toBeLessThan(2.1);
  });

  it('has as many pipelines as proxies and servers', () => {
    const result = runCodis('codis-benchmark', { clients: 64, proxies: 3 });
    const counts = [0, 1, 2].map((proxy) => cpuOf(result, `session-reader-${proxy}`));
    for (const count of counts) expect(count).toBeGreaterThan(0);
    expect(result.tasks.filter(({ name }) => name.startsWith('backend-writer')).length).toBe(12);
    expect(recorder(result, 'response').count).toBeGreaterThan(10_000);
  });
});

describe('codis in open loop', () => {
  it('serves what is offered, and answers in the time of a few hops', () => {
    const result = runCodis('codis', { rate: 30_000 }, 400 * MS, 'cfs+bt');
    expect(throughput(result) / 30_000).toBeCloseTo(1, 1);
    expect(quantileNs(recorder(result, 'response'), 0.5)).toBeLessThan(100_000);
  });

  it('tells response from service when more is offered than served: nothing is omitted', () => {
    const result = runCodis('codis', { rate: 220_000, clients: 32, procs: 2 }, 300 * MS, 'cfs+bt');
    const [response, service] = [recorder(result, 'response'), recorder(result, 'service')];
    expect(throughput(result)).toBeLessThan(180_000);
    expect(quantileNs(service, 0.99)).toBeLessThan(2 * MS);
    expect(quantileNs(response, 0.99)).toBeGreaterThan(10 * quantileNs(service, 0.99));
  });

  it('bursts make the same load slower', () => {
    const p99 = (burst: number) =>
      quantileNs(recorder(runCodis('codis', { rate: 40_000, burst }, 400 * MS, 'cfs+bt'), 'response'), 0.99);
    expect(p99(50) / p99(1)).toBeGreaterThan(2);
  });

  it('pipelining connections write without waiting', () => {
    const result = runCodis('codis', { rate: 60_000, clients: 4, pipeline: 32 }, 300 * MS, 'cfs+bt');
    expect(throughput(result) / 60_000).toBeCloseTo(1, 1);
  });

  it('is protected from batch by BT, and not by CFS', () => {
    const p99 = (policy: string) =>
      quantileNs(recorder(runCodis('codis', { rate: 25_000 }, 400 * MS, policy), 'response'), 0.99);
    const [cfs, bt] = [p99('cfs'), p99('cfs+bt')];
    expect(cfs / bt).toBeGreaterThan(20);
    expect(p99('vmf+bt') / bt).toBeCloseTo(1, 0);
    expect(p99('eevdf') / bt).toBeGreaterThan(20);
  });
});
