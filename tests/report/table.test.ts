import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latencyTable, TERMINAL_COLUMNS, textTable } from '../../src/report/table.js';
import { humanCount, humanNumber, humanPercent, humanRatio, humanTime } from '../../src/report/units.js';
import { type MetricRow, metricsOf } from '../../src/results/metrics.js';
import { recorderOf, resultOf } from '../results/samples.js';

const [blank] = metricsOf({ experiment: 'cyclictest', case: 'idle' }, resultOf([recorderOf([1000])]));

function row(figures: Partial<MetricRow>): MetricRow {
  if (blank === undefined) throw new Error('no row');
  return { ...blank, ...figures };
}

function linesOf(table: string): string[] {
  return stripVTControlCharacters(table).split('\n');
}

describe('latencyTable', () => {
  it('has a block per case and a line per policy', () => {
    const cfs = {
      samples: 60_000,
      min_us: 2.58,
      mean_us: 66.42,
      p50_us: 55,
      p99_us: 812,
      p999_us: 3912.4,
      max_us: 15_952,
    };
    const vmf = { samples: 59_998, min_us: 2.4, mean_us: 4.1, p50_us: 4, p99_us: 9.99, p999_us: null, max_us: 116 };
    const rows = [
      row({ ...cfs, policy: 'CFS', overflow_100us_pct: 20.1 }),
      row({ ...vmf, policy: 'VMF', overflow_100us_pct: 0.0012 }),
      row({ ...vmf, policy: 'VMF', case: 'busy', overflow_100us_pct: 0 }),
    ];
    expect(linesOf(latencyTable(rows))).toEqual([
      'idle',
      'policy samples     min     avg     p50     p99    p99.9      max ≥100 µs max:ref',
      'CFS     60,000 2.58 µs 66.4 µs 55.0 µs  812 µs 3,912 µs 15.95 ms  20.1 %     ref',
      'VMF     59,998 2.40 µs 4.10 µs 4.00 µs 9.99 µs        –   116 µs 0.001 %   1/138',
      '',
      'busy',
      'policy  samples      min      avg      p50      p99  p99.9     max  ≥100 µs',
      'VMF      59,998  2.40 µs  4.10 µs  4.00 µs  9.99 µs      –  116 µs      0 %',
      '',
    ]);
  });

  it('has a line per task where there is one policy', () => {
    const rows = ['one', 'two'].map((task) => row({ metric_of: `${task}:response`, samples: 5, min_us: 1, max_us: 7 }));
    const lines = linesOf(latencyTable(rows));
    expect(lines[0]).toBe('idle  cfs  response');
    expect(lines[1]).toMatch(/^task +samples +min /);
    expect(lines.slice(2, 4).map((line) => line.split(/ +/)[0])).toEqual(['one', 'two']);
  });

  it('shows the row over all seeds instead of single seeds', () => {
    const rows = [row({ seed: '1' }), row({ seed: '2' }), row({ seed: 'all', samples: 77 })];
    expect(linesOf(latencyTable(rows))[2]).toMatch(/^cfs +77 /);
    expect(linesOf(latencyTable(rows))).toHaveLength(4);
  });

  it('is never wider than the terminal', () => {
    const us = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: null });
    const figures = fc.record({
      policy: fc.string(),
      case: fc.string({ maxLength: 200 }),
      samples: fc.nat(),
      min_us: us,
      mean_us: us,
      p50_us: us,
      p99_us: us,
      p999_us: us,
      max_us: us,
      overflow_100us_pct: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(figures, { maxLength: 6 }), (all) => {
        for (const line of latencyTable(all.map(row)).split('\n'))
          expect([...line].length).toBeLessThanOrEqual(TERMINAL_COLUMNS);
      }),
    );
  });
});

describe('textTable', () => {
  it('aligns, drops what it may, and cuts what it must', () => {
    const columns = [
      { title: 'name', align: 'left' as const },
      { title: 'n', align: 'right' as const, droppable: 1 },
      { title: 'note', align: 'left' as const },
    ];
    const rows = [
      ['abcdefgh', '1', 'x'],
      ['b', '22', 'y'],
    ];
    expect(linesOf(textTable(columns, rows, 20))).toEqual([
      'name       n  note',
      'abcdefgh   1  x',
      'b         22  y',
      '',
    ]);
    expect(linesOf(textTable(columns, rows, 14))).toEqual(['name     note', 'abcdefgh x', 'b        y', '']);
    expect(linesOf(textTable(columns, rows, 10))).toEqual(['name  note', 'abcd… x', 'b     y', '']);
  });
});

describe('units', () => {
  it('are chosen as an engineer would', () => {
    const us = [0.3, 9.994, 9.996, 99.96, 9_999, 10_000, 159_520, 1_595_000, 12_400_000, null];
    expect(us.map(humanTime)).toEqual([
      '0.30 µs',
      '9.99 µs',
      '10.0 µs',
      '100 µs',
      '9,999 µs',
      '10.00 ms',
      '159.5 ms',
      '1,595 ms',
      '12.40 s',
      '–',
    ]);
    expect([0, 0.0001, 0.28, 28.04, null].map(humanPercent)).toEqual(['0 %', '<.001 %', '0.280 %', '28.0 %', '–']);
    expect([humanRatio(1, 1), humanRatio(3, 2), humanRatio(1, 137.4), humanRatio(0, 1)]).toEqual([
      '1.00×',
      '1.50×',
      '1/137',
      '–',
    ]);
    expect([1, 1234, 1234567].map(humanCount)).toEqual(['1', '1,234', '1,234,567']);
    expect([1234.5, -0.25, 123_456_789].map(humanNumber)).toEqual(['1,234.5', '-0.25', '123.46 M']);
  });
});
