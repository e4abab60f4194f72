/** Marks, reserves and list sizes against what real kernels showed in /proc/zoneinfo (validation/recordings/memory/params). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Simulation } from '../../../src/kernel/simulation.js';
import type { MemorySpec } from '../../../src/scenario/scenario.js';
import { DEFAULT_RECORDINGS } from '../../../src/validate/recordings.js';
import { MEMORY, memoryScenario, touch, user } from './fixtures.js';

interface Row {
  /** Boot option, memory and state: one machine at one time. */
  key: string;
  minFreeKb: number;
  scaleFactor: number;
  zone: string;
  managed: number;
  marks: number[];
  protection: number[];
  pcpHigh: number;
  pcpBatch: number;
  exact: boolean;
}

const ZONES = ['DMA', 'DMA32', 'Normal'];

const rows: Row[] = readFileSync(join(DEFAULT_RECORDINGS, 'memory', 'params', 'watermarks.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => {
    const [thp, ram, state, minFreeKb, zone, managed, min, low, high, protection, pcpHigh, pcpBatch, , check] =
      line.split('\t');
    return {
      key: `${thp} ${ram} ${state}`,
      minFreeKb: Number(minFreeKb),
      scaleFactor: Number(/wsf=(\d+)/.exec(state ?? '')?.[1] ?? 10),
      zone: zone ?? '',
      managed: Number(managed),
      marks: [min, low, high].map(Number),
      protection: (protection ?? '').split(',').map(Number),
      pcpHigh: Number(pcpHigh),
      pcpBatch: Number(pcpBatch),
      exact: check === 'ok',
    };
  });

/** The zones of the machine that these rows are of. */
function zonesOf(machine: readonly Row[]): MemorySpec['zones'] {
  const managed = (zone: string) => machine.find((row) => row.zone === zone)?.managed ?? 0;
  return { dma: managed('DMA'), dma32: managed('DMA32'), normal: managed('Normal') };
}

function zoneinfo(memory: Partial<MemorySpec>) {
  const spec = { ...MEMORY, ...memory };
  return Simulation.create(memoryScenario([user('a', 1, [touch(1)])], { memory: spec }), 1).memory().zones;
}

describe('watermarks', () => {
  it('has as many exact rows as the recordings’ README says', () => {
    expect(rows.length).toBe(168);
    expect(rows.filter(({ exact }) => exact).length).toBe(153);
  });

  const machines = [...new Set(rows.map(({ key }) => key))];
  it.each(machines)('%s', (key) => {
    const machine = rows.filter((row) => row.key === key);
    const first = machine[0];
    if (first === undefined) throw new Error(`no rows of ${key}`);
    const zones = zoneinfo({
      zones: zonesOf(machine),
      minFreeKb: first.minFreeKb,
      watermarkScaleFactor: first.scaleFactor,
    });
    for (const row of machine) {
      const zone = zones[ZONES.indexOf(row.zone)];
      expect(zone).toBeDefined();
      expect([zone?.reserveDma32, zone?.reserveNormal]).toEqual(row.protection.slice(1, 3));
      expect(zone?.pcpBatch).toBe(row.pcpBatch);
      if (!row.exact) continue;
      expect([zone?.min, zone?.low, zone?.high]).toEqual(row.marks);
      expect(zone?.pcpHigh).toBe(Math.max(row.pcpHigh, 4 * row.pcpBatch));
    }
  });

  it.each([
    ['two zones', { dma: 3840, dma32: 499_757, normal: 0 }, 45_056],
    ['three zones', { dma: 3840, dma32: 754_599, normal: 1_274_563 }, 67_584],
    ['5 % of a small machine', { dma: 3840, dma32: 113_261, normal: 0 }, 23_420],
  ])('raises min_free_kbytes for huge pages: %s', (_name, zones, minFreeKb) => {
    const managed = zones.dma + zones.dma32 + zones.normal;
    const [dma, dma32] = zoneinfo({ zones, minFreeKb: null, hugePages: 'madvise' });
    expect(dma?.min).toBe(Math.floor((Math.floor(minFreeKb / 4) * zones.dma) / managed));
    expect(dma32?.min).toBe(Math.floor((Math.floor(minFreeKb / 4) * zones.dma32) / managed));
  });
});
