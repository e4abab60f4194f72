import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { writeWhole } from '../../src/results/files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kpbench-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writeWhole', () => {
  it('writes all files, replaces old ones, and leaves nothing else', () => {
    const out = join(folder, 'a', 'b');
    writeWhole(out, new Map([['x.csv', 'old']]));
    writeWhole(
      out,
      new Map([
        ['x.csv', 'new'],
        ['graphs/y.svg', 'y'],
      ]),
    );
    expect(readdirSync(out).sort()).toEqual(['graphs', 'x.csv']);
    expect(readFileSync(join(out, 'x.csv'), 'utf8')).toBe('new');
    expect(readFileSync(join(out, 'graphs', 'y.svg'), 'utf8')).toBe('y');
  });

  it('refuses a folder that cannot be made, by name', () => {
    writeFileSync(join(folder, 'file'), '');
    const out = join(folder, 'file', 'out');
    expect(() => writeWhole(out, new Map([['x', '1']]))).toThrow(UserError);
    expect(() => writeWhole(out, new Map([['x', '1']]))).toThrow(`${out}: cannot write here`);
  });

  it('leaves nothing behind when one of the files cannot be written', () => {
    mkdirSync(join(folder, 'b.csv'));
    writeFileSync(join(folder, 'a.csv'), 'before');
    expect(() =>
      writeWhole(
        folder,
        new Map([
          ['a.csv', '1'],
          ['new/c.csv', '2'],
          ['b.csv', '3'],
        ]),
      ),
    ).toThrow('b.csv: expected a file');
    expect(readdirSync(folder).sort()).toEqual(['a.csv', 'b.csv']);
    expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe('before');
  });
});
