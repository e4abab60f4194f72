/** Validation accepts the simulator and rejects it under each of the deliberately wrong policies. */
import { expect, test } from 'vitest';
import { simulate } from '../../src/kernel/simulation.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { fails, type ValidationRow } from '../../src/validate/compare.js';
import { NEGATIVE_CONTROLS, negativeControl } from '../../src/validate/control.js';
import { DEFAULT_RECORDINGS } from '../../src/validate/recordings.js';
import { validate } from '../../src/validate/validate.js';
import { kernel, machine } from './presets.js';

function judge(cases: readonly string[], change: (scenario: Scenario) => Scenario): Promise<ValidationRow[]> {
  return validate({
    dataDir: DEFAULT_RECORDINGS,
    kernels: ['linux-6.1'],
    cases,
    modes: ['scenario'],
    seed: 1,
    presets: { kernel, machine: ({ mode, cpus }) => (mode === 'icount' ? machine(cpus) : null) },
    simulate: async (scenario, seed) => simulate(change(scenario), seed),
  });
}

test.each(NEGATIVE_CONTROLS)('$name: $description', async (control) => {
  for (const name of control.cases) {
    expect((await judge([name], (scenario) => scenario)).filter(fails)).toEqual([]);
    expect((await judge([name], (scenario) => negativeControl(scenario, control))).filter(fails)).not.toEqual([]);
  }
});
