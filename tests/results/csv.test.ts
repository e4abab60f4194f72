import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMetrics, readTable, writeMetrics, writeTable } from '../../src/results/csv.js';
import { type MetricRow, metricsOf } from '../../src/results/metrics.js';
import { recorderOf, resultOf } from './samples.js';

function rowOf(policy: string, seed: number, values: number[]): MetricRow {
  const [row] = metricsOf({ experiment: 'cyclictest', case: 'idle' }, resultOf([recorderOf(values)], seed, policy));
  if (row === undefined) throw new Error('no row');
  return row;
}

describe('metric rows', () => {
  it('are written sorted, with fixed decimals and empty cells', () => {
    const rows = [rowOf('vmf', 10, [1500]), rowOf('vmf', 9, [2000]), rowOf('cfs', 1, [100_000, 101_000])];
    expect(writeMetrics([{ ...rowOf('vmf', 1, [1000]), seed: 'all' }, ...rows])).toBe(
      [
        'experiment,case,policy,kernel,machine,seed,metric_of,samples,min_us,p50_us,p90_us,p99_us,p999_us,p9999_us,max_us,mean_us,overflow_100us_pct,max_low_us,max_high_us,overflow_low_pct,overflow_high_pct',
        'cyclictest,idle,cfs,linux-6.1,vm-2,1,vcpu:wakeup,2,100.000,100.000,,,,,101.000,100.500,100.0000,,,,',
        'cyclictest,idle,vmf,linux-6.1,vm-2,9,vcpu:wakeup,1,2.000,2.000,,,,,2.000,2.000,0.0000,,,,',
        'cyclictest,idle,vmf,linux-6.1,vm-2,10,vcpu:wakeup,1,1.500,1.500,,,,,1.500,1.500,0.0000,,,,',
        'cyclictest,idle,vmf,linux-6.1,vm-2,all,vcpu:wakeup,1,1.000,1.000,,,,,1.000,1.000,0.0000,,,,',
        '',
      ].join('\n'),
    );
  });

  it('survive a round trip', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'µ', ',', '"', ' ', '\n', '=', '1'), minLength: 1 });
    fc.assert(
      fc.property(name, fc.array(fc.nat(10 ** 9), { minLength: 1 }), (policy, values) => {
        const row = { ...rowOf(`p${policy}p`, 3, values), mean_us: 1.5, overflow_100us_pct: 12.5, p50_us: null };
        expect(readMetrics(writeMetrics([row]), 'x.csv')).toEqual([row]);
      }),
    );
  });

  it.each([
    ['', 'x.csv: line 1: expected a header line, found an empty file'],
    ['a,a\n', 'x.csv: line 1: column a appears twice'],
    ['experiment,case\n', 'x.csv: line 1: expected the column policy, kernel, machine, seed, metric_of, samples,'],
    [writeMetrics([]).concat('a,b\n'), 'x.csv: line 2: expected 21 cells, found 2'],
    [
      writeMetrics([rowOf('p', 1, [1])]).replace('0.001', 'fast'),
      'x.csv: line 2: min_us: expected a number, found "fast"',
    ],
    [
      writeMetrics([rowOf('p', 1, [1])]).replace('wakeup,1', 'wakeup,'),
      'x.csv: line 2: samples: expected a whole number',
    ],
    [writeMetrics([rowOf('p', 1, [1])]).replace(',p,', ',"p,'), 'x.csv: line '],
  ])('are refused with file and line: %j', (text, message) => {
    expect(() => readMetrics(text, 'x.csv')).toThrow(message);
  });
});

describe('tables', () => {
  it('know on which line a row began', () => {
    const { rows, lines } = readTable('a,b\n1,"x\ny"\n\n2,z\n', 'x.csv');
    expect(rows).toEqual([
      { a: '1', b: 'x\ny' },
      { a: '2', b: 'z' },
    ]);
    expect(lines[0]).toBe(2);
    expect(lines.at(-1)).toBe(5);
  });

  it('refuse to write what is not a number', () => {
    expect(() => writeTable(['a_us'], [{ a_us: Number.NaN }])).toThrow(RangeError);
  });
});
