import { describe, expect, it } from 'vitest';
import { compareTables } from '../../src/results/baseline.js';
import { readTable } from '../../src/results/csv.js';

const table = (text: string) => readTable(text, 'x.csv');

describe('compareTables', () => {
  it('finds nothing in the same rows in another order', () => {
    const comparison = compareTables(table('k,a\n1,2\n2,3\n'), table('a,k\n3,2\n2,1\n'), ['k']);
    expect(comparison).toEqual({ differences: [], missing: [], extra: [] });
  });

  it('names changed cells, new columns, and rows that are gone or new', () => {
    expect(compareTables(table('k,l,a\n1,x,2\n2,x,3\n'), table('k,l,a,b\n1,x,2.5,\n3,x,1,\n'), ['k', 'l'])).toEqual({
      differences: [
        { key: '1, x', column: 'a', old: '2', new: '2.5' },
        { key: '1, x', column: 'b', old: null, new: '' },
      ],
      missing: ['2, x'],
      extra: ['3, x'],
    });
  });

  it('refuses two rows of one key', () => {
    expect(() => compareTables(table('k\n1\n1\n'), table('k\n'), ['k'])).toThrow('x.csv: line 3: a second row for 1');
  });
});
