/** What agreed must go on agreeing. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lostAgreement } from '../../src/validate/against.js';
import type { ValidationRow, Verdict } from '../../src/validate/compare.js';

const row = (task: string, verdict: Verdict): ValidationRow => ({
  kernel: 'linux-6.1',
  case: 'S01',
  label: 'a',
  mode: 'scenario',
  task,
  metric: 'share_pct',
  samples: 1,
  recorded: 50,
  simulated: 50,
  difference: 0,
  tolerance: 1,
  verdict,
  note: null,
});

describe('lostAgreement', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'against-')), 'validation.csv');
  writeFileSync(
    file,
    'kernel,case,label,mode,task,metric,verdict\nlinux-6.1,S01,a,scenario,one,share_pct,agree\nlinux-6.1,S01,a,scenario,two,share_pct,disagree\n',
  );

  test('a figure that agreed and now does not is lost, whatever it became', () => {
    expect(lostAgreement([row('one', 'disagree')], file)).toEqual([row('one', 'disagree')]);
    expect(lostAgreement([row('one', 'not measured')], file)).toHaveLength(1);
  });

  test('one that disagreed before, and one that is new, are not', () => {
    expect(lostAgreement([row('one', 'agree'), row('two', 'disagree'), row('three', 'disagree')], file)).toEqual([]);
  });

  test('a table that cannot be read is one line', () => {
    expect(() => lostAgreement([], '/nowhere.csv')).toThrow(
      '--against: /nowhere.csv: expected a validation.csv that can be read',
    );
  });
});
