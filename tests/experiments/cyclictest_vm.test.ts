/** The published experiment, cyclictest in a guest: what each part of VM First buys, and that the host's load is the fitted one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cyclictestVm } from '../../src/experiments/catalog.js';
import { planExperiment } from '../../src/experiments/plan.js';
import { simulate } from '../../src/kernel/simulation.js';
import { packageRoot } from '../../src/paths.js';
import { figuresOf } from '../../src/results/metrics.js';
import type { Result } from '../../src/results/result.js';
import { parseDuration } from '../../src/scenario/units.js';

const plans = planExperiment(cyclictestVm, { durationNs: 2e9 });
const results = new Map<string, Result>();

/** Two seconds of a case under a policy. */
function resultOf(name: string, policy: string): Result {
  const key = `${name} ${policy}`;
  const found = plans.find(({ case: each, scenario }) => each === name && scenario.policy === policy);
  if (found === undefined) throw new Error(`no ${key}`);
  const result = results.get(key) ?? simulate(found.scenario, 1);
  results.set(key, result);
  return result;
}

function figures(name: string, policy: string): { maxUs: number; latePct: number } {
  const recorder = resultOf(name, policy).recorders[0];
  if (recorder === undefined) throw new Error('nothing recorded');
  const { max_us, overflow_100us_pct } = figuresOf(recorder);
  return { maxUs: max_us ?? Number.NaN, latePct: overflow_100us_pct ?? Number.NaN };
}

describe('cyclictest in a guest', () => {
  it('is measured in the guest, on all of its CPUs', () => {
    const recorder = resultOf('busy', 'vmf').recorders[0];
    expect(recorder?.task).toBe('vm/cyclictest');
    expect(recorder?.threads).toHaveLength(4);
  });

  it('waits for batch under CFS, and hardly under VM First', () => {
    const cfs = figures('busy', 'cfs');
    const vmf = figures('busy', 'vmf');
    expect(cfs.maxUs).toBeGreaterThan(5 * vmf.maxUs);
    expect(cfs.latePct).toBeGreaterThan(4 * vmf.latePct);
  });

  it('loses a tick at most without the immediate preemption, but very often', () => {
    const { maxUs, latePct } = figures('busy', 'vmf-no-preempt');
    const tickUs = 4000;
    expect(maxUs).toBeGreaterThan(0.8 * tickUs);
    expect(maxUs).toBeLessThan(1.5 * tickUs);
    expect(latePct).toBeGreaterThan(20);
  });

  it('has faster vCPUs and less batch when BT leaves their siblings alone', () => {
    const time = (policy: string, task: string) =>
      resultOf('busy', policy).tasks.find(({ name }) => name === task)?.cpuNs ?? Number.NaN;
    expect(time('vmf+bt+smt', 'neighbour/vcpu')).toBeLessThan(time('vmf+bt', 'neighbour/vcpu'));
    expect(time('vmf+bt+smt', 'batch')).toBeLessThan(time('vmf+bt', 'batch'));
    expect(figures('busy', 'vmf+bt+smt').latePct).toBeLessThan(figures('busy', 'vmf+bt').latePct);
  });
});

describe('scenarios/fits/s5-cfs.yaml', () => {
  const read = (name: string): unknown => parse(readFileSync(join(packageRoot, 'scenarios', name), 'utf8'));
  const at = (document: unknown, path: string): unknown =>
    path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document);
  const fit = read('fits/s5-cfs.yaml') as {
    policy: string;
    scenario: Record<string, string>;
    parameters: Array<{ name: string; path: Record<string, string>; low: string; high: string }>;
    targets: Array<{ case: string; figure: string; value: number }>;
  };

  it.each(fit.parameters)(
    '$name: inside its bounds in the scenarios, the same wherever it is',
    ({ path, low, high }) => {
      const values = Object.entries(path).map(([name, place]) => at(read(`${fit.scenario[name]}.yaml`), place));
      expect(new Set(values).size).toBe(1);
      const ns = parseDuration(String(values[0]));
      expect(ns).toBeGreaterThan(parseDuration(low) ?? Number.NaN);
      expect(ns).toBeLessThan(parseDuration(high) ?? Number.NaN);
    },
  );

  it('is fitted to the CFS column alone', () => {
    expect(fit.policy).toBe('cfs');
    expect(fit.targets.map(({ value }) => value)).toEqual([4689, 0.82, 19_969, 20]);
  });
});
