/** The simulator against the recorded 6.1 kernel: gating figures agree, and wrong policies are rejected. */
import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel, loadMachine } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { fails } from '../../src/validate/compare.js';
import { NEGATIVE_CONTROLS, negativeControl } from '../../src/validate/control.js';
import { DEFAULT_RECORDINGS } from '../../src/validate/recordings.js';
import { validate } from '../../src/validate/validate.js';

const judge = (cases: readonly string[], change: (scenario: Scenario) => Scenario = (scenario) => scenario) =>
  validate({
    dataDir: DEFAULT_RECORDINGS,
    kernels: ['linux-6.1'],
    cases,
    modes: ['scenario'],
    seed: 1,
    presets: {
      kernel: loadKernel,
      machine: ({ mode, cpus }) =>
        mode === 'icount' ? { ...loadMachine('qemu-icount'), cpus, cpusPerLlc: cpus } : null,
    },
    simulate: async (scenario, seed) => simulate(change(scenario), seed),
  });

describe('linux-6.1', () => {
  it.each(['S01', 'S02', 'S05', 'S06', 'S07', 'S08', 'S10'])('%s: shares and switches agree', async (name) => {
    const rows = await judge([name]);
    expect(rows.filter((row) => row.verdict === 'agree').length).toBeGreaterThan(3);
    expect(rows.filter(fails)).toEqual([]);
  });

  it.each(NEGATIVE_CONTROLS)('rejects $name: $description', async (control) => {
    for (const name of control.cases) {
      const rows = await judge([name], (scenario) => negativeControl(scenario, control));
      expect(rows.some(fails)).toBe(true);
    }
  });
});
