/** The figures of memory and their table: who waited, what the last priority lost, who was killed. */
import chalk from 'chalk';
import { describe, expect, it } from 'vitest';
import { memoryMarkdown, memoryTable, ofMemory } from '../../src/report/memory.js';
import { writeMetrics } from '../../src/results/csv.js';
import type { MemoryFigures } from '../../src/results/memory.js';
import { metricsOf, summarise } from '../../src/results/metrics.js';
import type { PressureColumns } from '../../src/results/pressure.js';
import { recorderOf, resultOf } from '../results/samples.js';

chalk.level = 0;

const machine = { direct_reclaims_per_s: 12, kswapd_cpu_pct: 3, rue_cpu_pct: 0 };
const ONLINE: MemoryFigures & PressureColumns = {
  ...machine,
  priority: 0,
  group_stall_pct: 0.5,
  group_refaults_per_s: 7,
  group_oom_kills: 1,
};

/** The service's two recorders and batch's one, which gets `ops` a second done. */
function rowsOf(policy: string, ops: number) {
  const figures: Record<string, MemoryFigures & PressureColumns> = {
    alloc: { ...ONLINE, ops_per_s: 1000 },
    response: { ...ONLINE, ops_per_s: 10 },
    work: { ...machine, priority: 7, group_oom_kills: 3, ops_per_s: ops },
  };
  const recorders = Object.keys(figures).map((recorder, i) => ({
    ...recorderOf(Array.from({ length: 2000 }, (_, k) => (k + 1) * (i + 1) * 10)),
    recorder,
  }));
  const rows = metricsOf(
    { experiment: 'rue', case: 'burst' },
    { ...resultOf(recorders, 1), policy },
    ({ recorder }) => ({
      ...figures[recorder],
    }),
  );
  return [...rows, ...summarise(rows)];
}

describe('memory', () => {
  const rows = [...rowsOf('linux', 400), ...rowsOf('rue', 300)];

  it('has a line a policy, the first being what the others lose against', () => {
    const lines = memoryMarkdown(rows).split('\n');
    expect(lines).toHaveLength(4);
    const cells = (line: string | undefined) => line?.split('|').map((cell) => cell.trim()) ?? [];
    expect(cells(lines[2]).slice(1, 3)).toEqual(['burst', '`linux`']);
    expect(cells(lines[2]).slice(-3, -1)).toEqual(['0 %', '1 + 3']);
    expect(cells(lines[3]).slice(-3, -1)).toEqual(['25 %', '1 + 3']);
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1);
  });

  it('fits into a terminal', () => {
    for (const line of memoryTable(rows).trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('is told only where priorities differ', () => {
    expect(ofMemory(rows)).toBe(true);
    expect(ofMemory(rows.filter(({ priority }) => priority === 0))).toBe(false);
  });

  it('has its columns in the CSV, units in their names', () => {
    const [header = '', first = ''] = writeMetrics(rows).split('\n');
    expect(header).toContain('priority,ops_per_s,group_refaults_per_s,group_oom_kills');
    expect(first.split(',')).toHaveLength(header.split(',').length);
  });
});
