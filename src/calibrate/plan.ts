/** From a fit file to a plan that can be run: scenarios found, paths and figures checked at every bound. */
import { basename, extname } from 'node:path';
import { UserError } from '../errors.js';
import { metricOf } from '../results/metrics.js';
import { visit } from '../scenario/checks.js';
import { check, parseYaml, readText } from '../scenario/document.js';
import { changedScenario, loadScenario } from '../scenario/load.js';
import type { Scenario, TaskSpec } from '../scenario/scenario.js';
import type { Target } from './objective.js';
import { type Parameter, parameterOf, textOf, valueAt } from './parameter.js';
import { type FitDocument, fitSchema } from './schema.js';

/** All that a calibration needs to know. */
export interface Plan {
  /** The fit file, for messages. */
  file: string;
  policy: string;
  durationNs: number;
  /** Scenarios by case, as names or files. */
  cases: ReadonlyMap<string, string>;
  parameters: readonly Parameter[];
  targets: readonly Target[];
}

/** Values of all parameters, in the plan's order. */
export type Values = readonly number[];

/** Reads and checks a fit file. Throws a UserError in one line. */
export function loadPlan(file: string): Plan {
  const document = check(parseYaml(readText(file), file), fitSchema);
  const cases = casesOf(document);
  const names = [...cases.keys()];
  const plan: Plan = {
    file,
    policy: document.policy,
    durationNs: document.duration,
    cases,
    parameters: document.parameters.map((parameter) => parameterOf(parameter, names)),
    targets: document.targets.map(({ metric_of, ...target }) => ({
      ...target,
      case: target.case ?? names[0] ?? '',
      metricOf: metric_of,
    })),
  };
  const fail: Fail = (place, expectation) => {
    throw new UserError(file, place, expectation);
  };
  checkCases(document, names, plan, fail);
  // What is wrong without any change is no parameter's fault.
  for (const scenario of cases.values()) loadScenario(scenario, { policy: plan.policy });
  checkParameters(plan, fail);
  checkTargets(plan, fail);
  return plan;
}

type Fail = (place: string, expectation: string) => never;

function casesOf({ scenario }: FitDocument): Map<string, string> {
  if (typeof scenario === 'string') return new Map([[basename(scenario, extname(scenario)), scenario]]);
  return new Map(Object.entries(scenario));
}

/** What `--set` would be given for a case. */
export function changesOf(plan: Plan, name: string, values: Values): Array<[path: string, value: string]> {
  return plan.parameters.flatMap((parameter, i) => {
    const path = parameter.paths.get(name);
    return path === undefined ? [] : [[path, textOf(parameter, values[i] ?? Number.NaN)] as [string, string]];
  });
}

/** A case of a candidate, under the fitted policy. */
export function scenarioOf(plan: Plan, name: string, values: Values): Scenario {
  const { policy, durationNs } = plan;
  return loadScenario(plan.cases.get(name) ?? name, { policy, durationNs, set: changesOf(plan, name, values) });
}

/** Names of cases that the file speaks of. */
function checkCases({ targets, parameters }: FitDocument, names: readonly string[], plan: Plan, fail: Fail): void {
  const known = (name: string, place: string) => {
    if (!names.includes(name)) fail(place, `expected one of ${names.join(', ')}, found "${name}"`);
  };
  targets.forEach((target, i) => {
    if (target.case !== undefined) known(target.case, `targets[${i}].case`);
    else if (names.length > 1) fail(`targets[${i}].case`, `expected one of ${names.join(', ')}, found nothing`);
  });
  parameters.forEach(({ path }, i) => {
    if (typeof path === 'string') return;
    for (const name of Object.keys(path)) known(name, `parameters[${i}].path`);
  });
  for (const name of names) {
    if (!plan.targets.some((target) => target.case === name)) fail('targets', `expected one of case "${name}"`);
  }
}

/** Every path leads somewhere, once, and every bound is a value that may stand there. */
function checkParameters(plan: Plan, fail: Fail): void {
  const { parameters, cases } = plan;
  const taken = new Map<string, number>();
  parameters.forEach((parameter, i) => {
    const place = `parameters[${i}]`;
    if (parameters.findIndex(({ name }) => name === parameter.name) !== i)
      fail(place, `a second parameter named "${parameter.name}"`);
    for (const [name, path] of parameter.paths) {
      const where = `${name} ${path}`;
      if (taken.has(where)) fail(`${place}.path`, `"${path}" is parameters[${taken.get(where)}] already`);
      taken.set(where, i);
      const change = [path, textOf(parameter, parameter.low)] as const;
      changedScenario(cases.get(name) ?? name, [change], `${plan.file}: ${place}.path`);
    }
  });
  const middle = middleOf(plan);
  const attempt = (place: string, values: Values) => {
    try {
      for (const name of cases.keys()) scenarioOf(plan, name, values);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      fail(place, error.message);
    }
  };
  attempt('parameters', middle);
  for (const [i, parameter] of parameters.entries()) {
    attempt(`parameters[${i}].low`, middle.with(i, valueAt(parameter, 0)));
    attempt(`parameters[${i}].high`, middle.with(i, valueAt(parameter, 1)));
  }
}

const middleOf = ({ parameters }: Plan): Values => parameters.map((parameter) => valueAt(parameter, 0.5));

/** Every target is recorded by its case. */
function checkTargets(plan: Plan, fail: Fail): void {
  const { targets } = plan;
  const middle = middleOf(plan);
  targets.forEach((target, i) => {
    const known = recordersOf(scenarioOf(plan, target.case, middle));
    if (!known.includes(target.metricOf)) {
      const choice = known.length > 0 ? `one of ${known.join(', ')}` : 'a scenario that records something';
      fail(`targets[${i}].metric_of`, `expected ${choice}, found "${target.metricOf}"`);
    }
    const same = (other: Target) =>
      other.case === target.case && other.metricOf === target.metricOf && other.figure === target.figure;
    if (targets.findIndex(same) !== i)
      fail(`targets[${i}]`, `a second target for ${target.figure} of ${target.metricOf}`);
  });
}

function recordersOf({ tasks, guests }: Scenario): string[] {
  const found = new Set<string>();
  const look = ({ program }: TaskSpec, task: string) =>
    visit(program, (step) => {
      if (step.op === 'record') found.add(metricOf({ task, recorder: step.recorder }));
    });
  for (const task of tasks) look(task, task.name);
  for (const guest of guests) {
    for (const task of guest.tasks) look(task, `${guest.name}/${task.name}`);
  }
  return [...found];
}
