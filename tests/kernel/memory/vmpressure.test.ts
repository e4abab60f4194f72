/** Reports of pressure: when a kworker comes for them, and whose stall that ends (mm/vmpressure.c). */
import { describe, expect, it } from 'vitest';
import { VMPRESSURE } from '../../../src/kernel/memory.js';
import { Simulation } from '../../../src/kernel/simulation.js';
import { MS, memoryCosts } from '../fixtures.js';
import { group, memoryScenario, read, touch, user } from './fixtures.js';

describe('reports of pressure', () => {
  it('interrupt a reclaim without progress four times, which the group feels as stalled and the machine does not', () => {
    const leak = { ...user('leak', 6000, [touch(6000)]), cgroup: 'g' };
    const world = memoryScenario([leak], { cgroups: [group('g', { maxPages: 4000 })] });
    const simulation = Simulation.create(world, 1);
    simulation.run(world.durationNs);
    const { memory, tasks } = simulation.result();
    const reclaims = memory?.vmstat.memcg_reclaims ?? 0;
    expect(memory?.vmstat.oom_kill).toBe(1);
    expect(reclaims).toBeGreaterThan(30);
    const kworker = tasks.find(({ name }) => name === VMPRESSURE);
    // It also wakes when it is made.
    expect(kworker?.wakeups).toBe(1 + 4 * reclaims);
    const { root: machine, g } = simulation.pressure();
    expect(g?.memory.full.totalNs).toBe(g?.memory.some.totalNs);
    expect(machine?.memory.some.totalNs).toBe(g?.memory.some.totalNs);
    const notStalledNs = (machine?.memory.some.totalNs ?? 0) - (machine?.memory.full.totalNs ?? 0);
    expect(notStalledNs).toBe(4 * reclaims * memoryCosts.vmpressureNs);
  });

  it('come when 512 pages have been scanned, at the end of the pass', () => {
    const world = memoryScenario([user('reader', 1, [read(300_000, 300_000 / 16, { chunk: 16 })])], {
      durationNs: 3000 * MS,
    });
    const simulation = Simulation.create(world, 1);
    simulation.run(world.durationNs);
    const { memory, tasks } = simulation.result();
    const scanned = memory?.vmstat.pgscan_kswapd ?? 0;
    const wakeups = tasks.find(({ name }) => name === VMPRESSURE)?.wakeups ?? 0;
    expect(scanned).toBeGreaterThan(100_000);
    expect(scanned / wakeups).toBeGreaterThanOrEqual(512);
    expect(scanned / wakeups).toBeLessThan(1024);
  });
});
