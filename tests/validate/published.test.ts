/** The published table is what the published figures say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/paths.js';
import { PUBLISHED_FILE, type PublishedRow, publishedTable } from '../../src/validate/published.js';
import { VALIDATION_FILE } from '../../src/validate/report.js';

const results = (file: string): string => readFileSync(join(packageRoot, 'results', file), 'utf8');

const row = (more: Partial<PublishedRow>): PublishedRow => ({
  kernel: 'linux-6.1',
  case: 'S01',
  label: 'a',
  mode: 'scenario',
  metric: 'share_pct',
  simulated: 50,
  verdict: 'agree',
  ...more,
});

describe('the published table', () => {
  test(`results/${PUBLISHED_FILE} follows from results/${VALIDATION_FILE}`, () => {
    const cells: Array<Record<string, string>> = parse(results(VALIDATION_FILE), { columns: true });
    const rows = cells.map((of) => ({ ...of, simulated: of.simulated === '' ? null : Number(of.simulated) }));
    expect(publishedTable(rows as unknown as PublishedRow[])).toBe(results(PUBLISHED_FILE));
  });

  test('counts what was judged, and marks what disagrees', () => {
    const table = publishedTable([
      row({}),
      row({ metric: 'switches_per_s', verdict: 'disagree' }),
      row({ metric: 'wakeup_latency_p99_us', verdict: 'not measured' }),
      row({ mode: 'replay', metric: 'right_decisions_pct', simulated: 98.123, verdict: 'disagree' }),
      row({ kernel: 'linux-6.12', case: 'M01', mode: 'memory', metric: null }),
      row({ kernel: 'linux-6.12', case: 'M01', mode: 'memory', metric: null, verdict: 'disagree' }),
      row({ case: 'S02', mode: 'replay', metric: 'right_decisions_pct', simulated: null, verdict: 'not measured' }),
    ]);
    expect(table).toContain('- **linux-6.1**: 1 of 2 judged figures agree; in replay 0 of 1 recordings.');
    expect(table).toContain('| linux-6.1 | S01 | a | 1 of 2 | 98.12 % ✗ | – |');
    expect(table).toContain('in replay 0 of 0 recordings; of memory 1 of 2 judged figures.');
    expect(table).toContain('| linux-6.12 | M01 | a | 1 of 2 | – | – |');
    expect(table).not.toContain('S02');
  });
});
