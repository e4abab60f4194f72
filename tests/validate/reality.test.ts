/** The simulator against recorded kernels: what agreed still agrees, and wrong policies and kernels are rejected. */
import { describe, expect, it } from 'vitest';
import { machineFor } from '../../src/cli/validate.js';
import { simulate } from '../../src/kernel/simulation.js';
import { loadKernel, loadMachine } from '../../src/scenario/load.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { fails } from '../../src/validate/compare.js';
import { NEGATIVE_CONTROLS, negativeControl } from '../../src/validate/control.js';
import { DEFAULT_RECORDINGS } from '../../src/validate/recordings.js';
import { validate } from '../../src/validate/validate.js';

const memoryMachine = () => loadMachine('qemu-icount');

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
    presets: { kernel: loadKernel, machine: machineFor, memoryMachine },
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

/** Memory cases, and the figures of them that agreed when they were first compared. */
const MEMORY_CASES = ['M01', 'M05', 'M06n', 'M07', 'M09', 'M09b', 'M10'];
const MEMORY_FIGURES: Readonly<Record<string, readonly string[]>> = {
  M01: ['pgscan', 'pgsteal', 'kswapd_runs', 'kswapd_wakes_at_pages', 'memory_stall_us', 'operation_p50_ns'],
  M05: ['pgscan', 'memcg_reclaims', 'memory_stall_us'],
  M06n: ['memcg_reclaims', 'memory_stall_us'],
  M07: ['pgscan', 'pgsteal', 'kswapd_runs'],
  M09: ['direct_reclaims', 'oom_kills'],
  M09b: ['oom_kills', 'pgscan'],
  M10: ['memcg_reclaims', 'oom_kills', 'memory_stall_us'],
};

const judgeMemory = (change: (scenario: Scenario) => Scenario = (scenario) => scenario) =>
  validate({
    dataDir: DEFAULT_RECORDINGS,
    kernels: ['linux-6.1'],
    cases: MEMORY_CASES,
    modes: ['memory'],
    seed: 1,
    presets: { kernel: loadKernel, machine: machineFor, memoryMachine },
    simulate: async (scenario, seed, trace) => simulate(change(scenario), seed, trace === null ? {} : { trace }),
  });

describe('recorded memory cases', () => {
  it('go on agreeing', async () => {
    const rows = await judgeMemory();
    for (const [id, metrics] of Object.entries(MEMORY_FIGURES)) {
      for (const metric of metrics) {
        const row = rows.find((candidate) => candidate.case === id && candidate.metric === metric);
        expect([id, metric, row?.verdict]).toEqual([id, metric, 'agree']);
      }
    }
  });

  it('reject a machine whose marks are three times as far apart', async () => {
    const rows = await judgeMemory((scenario) => ({
      ...scenario,
      ...(scenario.memory === undefined ? {} : { memory: { ...scenario.memory, watermarkScaleFactor: 100 } }),
    }));
    const verdictOf = (id: string, metric: string) =>
      rows.find((row) => row.case === id && row.metric === metric)?.verdict;
    expect(verdictOf('M01', 'kswapd_wakes_at_pages')).toBe('disagree');
    expect(verdictOf('M07', 'kswapd_runs')).toBe('disagree');
  });
});
