import { describe, expect, it } from 'vitest';
import { appendHistory, parseHistory } from '../../src/results/history.js';

const entry = { date: '2026-11-24', commit: 'fd5129e', metric: 'max_us', value: 116.25, unit: 'µs' };

describe('history', () => {
  it('grows line by line', () => {
    const once = appendHistory('', [entry]);
    expect(once).toBe('{"date":"2026-11-24","commit":"fd5129e","metric":"max_us","value":116.25,"unit":"µs"}\n');
    expect(parseHistory(appendHistory(once.trimEnd(), [{ ...entry, value: 7 }]), 'h')).toEqual([
      entry,
      { ...entry, value: 7 },
    ]);
    expect(parseHistory('', 'h')).toEqual([]);
  });

  it.each([
    ['{"date":', 'h.ndjson: line 2: expected a JSON object on one line'],
    [JSON.stringify({ ...entry, value: '1' }), 'h.ndjson: line 2: value: '],
    [JSON.stringify({ ...entry, date: 'today' }), 'h.ndjson: line 2: date: expected an ISO date'],
    ['[]', 'h.ndjson: line 2: '],
  ])('is refused with file and line: %s', (line, message) => {
    expect(() => parseHistory(`${JSON.stringify(entry)}\n${line}\n`, 'h.ndjson')).toThrow(message);
  });
});
