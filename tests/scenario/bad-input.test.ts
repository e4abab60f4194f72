/** The corpus of broken input: every file yields exactly its one-line error. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { packageRoot } from '../../src/paths.js';
import { loadScenario } from '../../src/scenario/load.js';

const folder = join(packageRoot, 'validation', 'bad-input');
const expected: Record<string, string> = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

describe('bad input', () => {
  const before = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => process.chdir(before));

  it('has an expectation for every file', () => {
    const files = readdirSync(folder).filter((file) => /\.(yaml|json)$/.test(file) && file !== 'expected.json');
    expect(Object.keys(expected).sort()).toEqual(files.sort());
    expect(files.length).toBeGreaterThan(60);
  });

  it.each(Object.entries(expected))('%s', (file, message) => {
    expect(message).not.toContain('\n');
    const load = () => loadScenario(`./${file}`);
    expect(load).toThrow(UserError);
    expect(load).toThrow(expect.objectContaining({ message }));
  });
});
