/** The table and the picture of services under load. */
import chalk from 'chalk';
import { describe, expect, it } from 'vitest';
import { loadMarkdown, loadSvg, resultTable } from '../../src/report/load.js';
import { metricsOf, summarise } from '../../src/results/metrics.js';
import { recorderOf, resultOf } from '../results/samples.js';

chalk.level = 0;

const rowsOf = (loads: readonly number[]) => {
  const rows = loads.flatMap((load) =>
    [1, 2].flatMap((seed) =>
      metricsOf(
        { experiment: 'codis', case: `${load / 1000}k/s` },
        resultOf([recorderOf(Array.from({ length: 2000 }, (_, i) => (i + 1) * load))], seed),
        () => ({
          offered_per_s: load,
          throughput_per_s: load,
          cpu_util_pct: 50,
          online_util_pct: 12.5,
          timeouts_per_s: null,
        }),
      ),
    ),
  );
  return [...rows, ...summarise(rows)];
};

describe('services', () => {
  it('have a line a case, not wider than a terminal', () => {
    const lines = resultTable(rowsOf([10_000, 20_000]))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/case +policy +served\/s .*p99 .*CPU/);
    expect(lines[2]).toMatch(/^10k\/s .* 10,000 .* 50\.0 % .*12\.5 %$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('have a Markdown table of equally long rows', () => {
    const cells = loadMarkdown(rowsOf([10_000]).filter(({ seed }) => seed === 'all'))
      .split('\n')
      .map((line) => line.split('|').length);
    expect(new Set(cells).size).toBe(1);
    expect(cells).toHaveLength(3);
  });

  it('have a picture, the same every time, if the load was swept', () => {
    const svg = loadSvg('codis', rowsOf([10_000, 20_000]));
    expect(svg).toContain('<title>codis</title>');
    expect(svg).toContain('p99.9');
    expect(svg).not.toContain('NaN');
    expect(loadSvg('codis', rowsOf([10_000, 20_000]))).toBe(svg);
    expect(loadSvg('codis', rowsOf([10_000]))).toBeNull();
  });
});
