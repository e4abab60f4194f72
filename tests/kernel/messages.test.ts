/** Messages with an identity: what they carry, where they go, and what a task does with several of them. */
import { describe, expect, it } from 'vitest';
import { SimulationError } from '../../src/errors.js';
import { simulate } from '../../src/kernel/simulation.js';
import type { Result } from '../../src/results/result.js';
import type { Step } from '../../src/scenario/scenario.js';
import { cpuNs, fixed, forever, ideal, MS, run, scenario, sleep, task, US } from './fixtures.js';

const record = (since: 'stamp' | 'mark', recorder: string = since): Step => ({
  op: 'record',
  recorder,
  since,
  binsUs: 0,
});
const stamp: Step = { op: 'stamp' };
const latencyOf = (result: Result, name: string) => {
  const found = result.recorders.find(({ recorder }) => recorder === name);
  if (found === undefined) throw new Error(`no recorder ${name}`);
  return found.latency;
};

describe('a message', () => {
  it('keeps the stamp of its first sender, through a pipeline and a queue', () => {
    // Two requests at once; each stage takes 1 ms, so the second is one stage behind.
    const source = task('source', [stamp, send('a'), send('a')]);
    const middle = task('middle', forever(receive('a'), run(MS), send('b')));
    const end = task('end', forever(receive('b', { batch: 1 }), run(MS), record('stamp')));
    const { count, minNs, maxNs } = latencyOf(
      simulate(scenario([source, middle, end], { machine: ideal(3) }), 1),
      'stamp',
    );
    expect([count, minNs, maxNs]).toEqual([2, 2 * MS, 3 * MS]);
  });

  it('goes where its key says, and its answer to whom it came from', () => {
    const client = task(
      'client',
      [{ op: 'key', values: [0, 1, 2] }, send('servers', 'key'), receive('answers', { index: 'own' }), run(MS)],
      {
        count: 50,
      },
    );
    const server = (index: number) =>
      task(`server${index}`, forever(receive('servers', { index }), run(US), send('answers', 'origin')));
    const result = simulate(scenario([client, server(0), server(1), server(2)]), 1);
    // Every client gets its own answer, and every server has something to do.
    expect(cpuNs(result, 'client')).toBe(50 * MS);
    const shares = [0, 1, 2].map((index) => cpuNs(result, `server${index}`) / US);
    expect(shares.reduce((a, b) => a + b)).toBe(50);
    for (const share of shares) expect(share).toBeGreaterThan(8);
  });

  it('is one of several that a task holds: each costs, each is recorded, all are sent', () => {
    const source = task('source', [stamp, ...Array.from({ length: 5 }, () => send('a'))]);
    const work: Step = { op: 'run', mode: 'user', duration: fixed(MS), eachNs: 10 * US };
    const batch = task('batch', forever(receive('a', { batch: 3 }), work, record('stamp'), send('b')), { startNs: MS });
    const end = task('end', forever(receive('b', { batch: 100 }), record('stamp', 'end')));
    const result = simulate(scenario([source, batch, end], { machine: ideal(3) }), 1);
    // Three, then the other two.
    expect(cpuNs(result, 'batch')).toBe(2 * MS + 50 * US);
    const latency = latencyOf(result, 'stamp');
    expect([latency.count, latency.minNs, latency.maxNs]).toEqual([5, 2 * MS + 30 * US, 3 * MS + 50 * US]);
    expect(latencyOf(result, 'end')).toEqual(latency);
  });

  it('lets arrivals be measured from when they were meant to begin', () => {
    // One a millisecond; the server stops for 10 ms once. A closed loop would see one slow request, there were ten.
    const arrivals = task('arrivals', forever({ op: 'arrive', gap: fixed(MS) }, send('arrived')));
    const server = task('server', [
      {
        op: 'loop',
        times: 20,
        body: [receive('arrived'), { op: 'mark' }, run(100 * US), record('stamp'), record('mark')],
      },
      sleep(10 * MS),
      {
        op: 'loop',
        times: 20,
        body: [receive('arrived'), { op: 'mark' }, run(100 * US), record('stamp'), record('mark')],
      },
    ]);
    const result = simulate(scenario([arrivals, server], { machine: ideal(2) }), 1);
    const [response, service] = [latencyOf(result, 'stamp'), latencyOf(result, 'mark')];
    expect([service.minNs, service.maxNs]).toEqual([100 * US, 100 * US]);
    expect([response.minNs, response.maxNs]).toEqual([100 * US, 9.2 * MS]);
  });

  it('is stamped with its arrival even when its source is late', () => {
    const arrivals = task('arrivals', forever({ op: 'arrive', gap: fixed(MS) }, run(4 * MS), send('a')));
    const sink = task('sink', forever(receive('a', { batch: 1 }), record('stamp')));
    const { maxNs } = latencyOf(
      simulate(scenario([arrivals, sink], { durationNs: 40 * MS, machine: ideal(2) }), 1),
      'stamp',
    );
    // The tenth, due at 10 ms, leaves at 41 ms; the ninth at 37.
    expect(maxNs).toBe(37 * MS - 9 * MS);
  });

  it('ends the simulation when there are too many', () => {
    const source = task('source', forever(stamp, { op: 'key', values: [0] }, send('a'), run(100)));
    const sink = task('sink', forever(receive('a'), sleep(MS)));
    expect(() => simulate(scenario([source, sink], { machine: ideal(2) }), 1)).toThrow(SimulationError);
    expect(() => simulate(scenario([source, sink], { machine: ideal(2) }), 1)).toThrow(
      /source sent a message, but 262144/,
    );
  });
});

function send(channel: string, index?: 'key' | 'origin'): Step {
  return { op: 'send', channel, index };
}

function receive(channel: string, more: { index?: number | 'own'; batch?: number } = {}): Step {
  return { op: 'receive', channel, ...more };
}
