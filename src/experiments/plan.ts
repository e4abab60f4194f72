/** Plans: every case of an experiment, or a scenario by itself, under every policy. */
import { type LoadOptions, loadScenario } from '../scenario/load.js';
import type { CasePlan, Experiment, ExperimentCase } from './experiment.js';

/** What is asked for over what the experiment says. */
export interface PlanOptions {
  policies?: readonly string[] | undefined;
  durationNs?: number | undefined;
  set?: ReadonlyArray<readonly [path: string, value: string]>;
}

export function planExperiment(experiment: Experiment, options: PlanOptions = {}): CasePlan[] {
  return experiment.cases.flatMap((item) => planCase(item, experiment.policies, options));
}

/** A scenario by name or file, as a case of its own. */
export function planScenario(scenario: string, options: PlanOptions = {}): CasePlan[] {
  return planCase({ name: '', scenario }, [], options);
}

function planCase(item: ExperimentCase, own: readonly string[], { durationNs, ...asked }: PlanOptions): CasePlan[] {
  const policies = asked.policies ?? item.policies ?? own;
  return (policies.length > 0 ? policies : [undefined]).map((policy) => {
    const options: LoadOptions = { set: [...(item.set ?? []), ...(asked.set ?? [])] };
    if (policy !== undefined) options.policy = policy;
    if (durationNs !== undefined) options.durationNs = durationNs;
    const scenario = loadScenario(item.scenario, options);
    return { case: item.name === '' ? scenario.name : item.name, scenario };
  });
}
