/** What docs/rue.md says, on short runs: who waits, who is killed, and what each policy is. */
import { describe, expect, it } from 'vitest';
import { planExperiment } from '../../src/experiments/plan.js';
import { rue, rueCpu, rueParts } from '../../src/experiments/rue.js';
import { RUE_THREADS } from '../../src/kernel/rue.js';
import { simulate } from '../../src/kernel/simulation.js';
import type { Result } from '../../src/results/result.js';
import { loadScenario } from '../../src/scenario/load.js';

const run = (scenario: string, policy: string, durationNs = 1.5e9): Result =>
  simulate(loadScenario(scenario, { policy, durationNs }), 1);
const worstAllocation = (result: Result): number =>
  result.recorders.find(({ task, recorder }) => task === 'service' && recorder === 'alloc')?.latency.maxNs ?? 0;
const killed = (result: Result, role: string): number => result.memory?.groups[`role:${role}`]?.oom_kill ?? 0;

describe('an online service beside batch', () => {
  it('reclaims by itself under Linux, and never under RUE', () => {
    const linux = run('rue-burst', 'linux');
    expect(worstAllocation(linux)).toBeGreaterThan(1e6);
    expect(linux.memory?.vmstat.allocstall).toBeGreaterThan(100);
    const protectedByRue = run('rue-burst', 'rue');
    expect(worstAllocation(protectedByRue)).toBeLessThan(200e3);
    expect(protectedByRue.memory?.groups['role:online']?.pgsteal).toBe(0);
    const threads = protectedByRue.tasks.filter(({ name }) => RUE_THREADS.includes(name));
    expect(threads.map(({ name }) => name)).toEqual(RUE_THREADS);
    for (const { cpuNs } of threads) expect(cpuNs).toBeGreaterThan(0);
  });

  it('is killed by Linux, as the largest, and spared by priority OOM', () => {
    const linux = run('rue-leak', 'linux', 4e9);
    expect(killed(linux, 'online')).toBeGreaterThan(0);
    const spared = run('rue-leak', 'rue-only-oom', 4e9);
    expect(killed(spared, 'online')).toBe(0);
    expect(killed(spared, 'offline')).toBeGreaterThan(0);
  });
});

describe('the plans', () => {
  const partsOf = (policy: string) => loadScenario('rue-burst', { policy }).rue?.parts ?? [];

  it('have each part alone and left out', () => {
    const all = partsOf('rue');
    expect(all).toHaveLength(8);
    expect(partsOf('linux')).toEqual([]);
    for (const part of all) {
      const alone = partsOf(`rue-only-${part}`);
      expect(alone).toEqual(part === 'accelerate' ? ['reclaim', part] : [part]);
      const others = all.filter((other) => other !== part && !(part === 'reclaim' && other === 'accelerate'));
      expect(partsOf(`rue-no-${part}`)).toEqual(others);
    }
    const policies = new Set(planExperiment(rueParts).map(({ scenario }) => scenario.policy));
    for (const part of all) for (const how of ['only', 'no']) expect(policies).toContain(`rue-${how}-${part}`);
    expect(planExperiment(rue)).toHaveLength(15);
  });

  it('put CPU policies over the same memory', () => {
    for (const { scenario } of planExperiment(rueCpu)) {
      const [service, batch] = scenario.tasks;
      expect(scenario.machine.cpus).toBe(4);
      expect(service?.sched.class).toBe(scenario.policy.includes('vmf') ? 'vmf' : 'fair');
      expect(batch?.sched.class).toBe(scenario.policy.includes('bt') ? 'bt' : 'fair');
      expect(scenario.rue?.parts.length ?? 0).toBe(scenario.policy.startsWith('rue') ? 8 : 0);
    }
  });
});
