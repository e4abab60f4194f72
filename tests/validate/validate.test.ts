/** Validation as a whole, with a simulator that always observes the same. */
import { expect, test } from 'vitest';
import { loadKernel } from '../../src/scenario/load.js';
import { DEFAULT_RECORDINGS } from '../../src/validate/recordings.js';
import { type ValidationOptions, validate } from '../../src/validate/validate.js';
import { kernel, machine, result, samples } from './presets.js';

const options: ValidationOptions = {
  dataDir: DEFAULT_RECORDINGS,
  kernels: ['linux-6.1'],
  cases: ['S01'],
  modes: ['scenario'],
  seed: 1,
  presets: {
    kernel,
    machine: ({ mode, cpus }) => (mode === 'icount' ? machine(cpus) : null),
    memoryMachine: () => machine(1),
  },
  simulate: async (scenario) =>
    result(
      2500,
      scenario.tasks.map(({ name }) => ({ name, sharePct: 50, latency: samples(1, 7), segment: samples(625, 4000) })),
    ),
};

test('every recording of a case is judged; one that cannot be simulated is void', async () => {
  const rows = await validate(options);
  expect(new Set(rows.map((row) => row.label))).toEqual(new Set(['6.1-icount-a', '6.1-mttcg2']));
  expect(rows.filter((row) => row.metric === 'share_pct').map((row) => row.verdict)).toEqual(['agree', 'agree']);
  expect(rows.at(-1)).toMatchObject({ verdict: 'void', note: 'no machine preset stands for mode mttcg2' });
});

test('modes', async () => {
  const rows = await validate({ ...options, modes: ['replay'], presets: { ...options.presets, kernel: loadKernel } });
  expect(new Set(rows.map((row) => row.mode))).toEqual(new Set(['replay']));
  await expect(validate({ ...options, modes: ['guess'] })).rejects.toThrow(
    '--mode: expected scenario, replay, memory, found "guess"',
  );
});
