/** The simulator against recorded kernels: what agreed still agrees, and wrong policies and kernels are rejected. */
import { describe, expect, it } from 'vitest';
import { machineFor } from '../../src/cli/validate.js';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { fails } from '../../src/validate/compare.js';
import { NEGATIVE_CONTROLS, negativeControl } from '../../src/validate/control.js';
import { DEFAULT_RECORDINGS } from '../../src/validate/recordings.js';
import { validate } from '../../src/validate/validate.js';

const judge = (
  kernel: string,
  cases: readonly string[],
  change: (scenario: Scenario) => Scenario = (scenario) => scenario,
) =>
  validate({
    dataDir: DEFAULT_RECORDINGS,
    kernels: [kernel],
    cases,
    modes: ['scenario'],
    seed: 1,
    presets: { kernel: loadKernel, machine: machineFor },
    simulate: async (scenario, seed) => simulate(change(scenario), seed),
  });

/** Cases of one CPU, all of whose gating figures agree. */
const AGREE = {
  'linux-6.1': [
    'S01',
    'S02',
    'S04',
    'S05',
    'S06',
    'S07',
    'S08',
    'S10',
    'S11',
    'S12',
    'S17',
    'S19',
    'S24',
    'S30',
    'S38',
  ],
  'linux-6.12': [
    'S01',
    'S02',
    'S04',
    'S05',
    'S06',
    'S08',
    'S10',
    'S11',
    'S12',
    'S17',
    'S19',
    'S24',
    'S29',
    'S33',
    'S38',
  ],
  'tk3-4.14': [
    'B02',
    'B03',
    'B04',
    'B04c',
    'B04p',
    'B09m',
    'B10',
    'B13',
    'B19',
    'B25a',
    'S01',
    'S02',
    'S11',
    'S12',
    'S38',
  ],
};

describe.each(Object.entries(AGREE))('%s', (kernel, cases) => {
  it.each(cases)('%s: shares and switches agree', async (name) => {
    const rows = await judge(kernel, [name]);
    expect(rows.filter((row) => row.verdict === 'agree').length).toBeGreaterThan(1);
    expect(rows.filter(fails)).toEqual([]);
  });
});

describe('negative controls', () => {
  it.each(NEGATIVE_CONTROLS)('reject $name: $description', async (control) => {
    for (const name of control.cases) {
      const rows = await judge(control.kernel, [name], (scenario) => negativeControl(scenario, control, loadKernel));
      expect([name, rows.some(fails)]).toEqual([name, true]);
    }
  });
});
