/** Loads scenarios by name or file: kpbench's YAML, or rt-app's JSON as it is. */
import { basename, extname } from 'node:path';
import { UserError } from '../errors.js';
import { applyChanges, check, checkValue, parseYaml, readText } from './document.js';
import { fileOf } from './presets.js';
import { type ResolveOptions, resolveScenario as resolve } from './resolve.js';
import { readRtApp } from './rtapp.js';
import type { Scenario } from './scenario.js';
import { type ScenarioInput, scenarioSchema } from './schema.js';

export {
  type Listed,
  listKernels,
  listMachines,
  listPolicies,
  listScenarios,
  loadKernel,
  loadMachine,
  loadPolicy,
} from './presets.js';

export interface LoadOptions extends ResolveOptions {
  /** Changes to the document before it is checked: path and YAML value. */
  set?: ReadonlyArray<readonly [path: string, value: string]>;
}

/** Reads, checks and resolves a scenario. Throws a UserError in one line. */
export function loadScenario(nameOrPath: string, options: LoadOptions = {}): Scenario {
  const file = fileOf('scenario', nameOrPath);
  const name = basename(file, extname(file));
  const text = readText(file);
  if (extname(file) === '.json') {
    if ((options.set ?? []).length > 0)
      throw new UserError('--set', null, 'expected a YAML scenario, found an rt-app file');
    return resolve(checkValue(readRtApp(text, file, name), scenarioSchema, file), file, options);
  }
  const yaml = parseYaml(text, file === nameOrPath ? file : nameOrPath);
  applyChanges(yaml, options.set ?? []);
  const document = check(yaml, scenarioSchema);
  return resolve({ ...document, name: document.name ?? name }, yaml.file, options);
}

/** A scenario's file with changes, as text: comments stay. `where` names who asked for the changes in errors. */
export function changedScenario(nameOrPath: string, set: NonNullable<LoadOptions['set']>, where: string): string {
  const file = fileOf('scenario', nameOrPath);
  if (extname(file) === '.json') throw new UserError(where, null, `expected a YAML scenario, found ${nameOrPath}`);
  const yaml = parseYaml(readText(file), nameOrPath);
  applyChanges(yaml, set, where);
  return yaml.document.toString({ lineWidth: 0 });
}

/** Resolves a scenario that was built in code, in the language of the YAML files. */
export function resolveScenario(input: ScenarioInput, options: ResolveOptions = {}): Scenario {
  const name = input.name ?? 'scenario';
  return resolve(checkValue(input, scenarioSchema, name), name, options);
}
