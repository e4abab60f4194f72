/** The corpus of broken fit files: every file yields exactly its one-line error. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPlan } from '../../src/calibrate/plan.js';
import { UserError } from '../../src/errors.js';
import { packageRoot } from '../../src/paths.js';

const folder = join(packageRoot, 'validation', 'bad-input', 'calibrate');
const expected: Record<string, string> = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

describe('bad fit files', () => {
  const before = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => process.chdir(before));

  it('have an expectation each', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
    expect(Object.keys(expected).sort()).toEqual(files.sort());
    expect(files.length).toBeGreaterThan(40);
  });

  it.each(Object.entries(expected))('%s', (file, message) => {
    expect(message).not.toContain('\n');
    const load = () => loadPlan(`./${file}`);
    expect(load).toThrow(UserError);
    expect(load).toThrow(expect.objectContaining({ message }));
  });
});
