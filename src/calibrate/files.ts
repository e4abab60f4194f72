/** What a calibration leaves behind: the fitted scenarios, every evaluation, and what is needed to repeat it. */
import { createHash } from 'node:crypto';
import { packageVersion } from '../experiments/files.js';
import { type Cell, writeTable } from '../results/csv.js';
import { changedScenario } from '../scenario/load.js';
import { formatDuration } from '../scenario/units.js';
import { type Calibration, fits } from './calibrate.js';
import { logRatio, type Target } from './objective.js';
import { boundOf, type Parameter, textOf } from './parameter.js';
import { changesOf, type Plan, scenarioOf } from './plan.js';
import { human, verdictOn } from './report.js';

/** Name → content, for `writeWhole`. */
export function calibrationFiles(calibration: Calibration): Map<string, string> {
  const { plan, fit } = calibration;
  const files = new Map([
    ['calibration.csv', evaluationsCsv(calibration)],
    ['manifest.json', manifest(calibration)],
  ]);
  for (const [name, scenario] of plan.cases) {
    const text = changedScenario(scenario, changesOf(plan, name, fit.values), plan.file);
    files.set(`${name}.yaml`, `${provenance(calibration, name)}${text}`);
  }
  return files;
}

/** A comment that says of a fitted scenario what in it was fitted, and to what. */
function provenance({ plan, fit, runs, seed }: Calibration, name: string): string {
  const lines = [
    `Fitted by kpbench calibrate to figures of policy ${plan.policy}; those of any other are predictions.`,
    `${runs} × ${formatDuration(plan.durationNs)} from seed ${seed}.`,
  ];
  plan.parameters.forEach((parameter, i) => {
    const path = parameter.paths.get(name);
    if (path === undefined) return;
    const [value, low, high] = [fit.values[i] ?? 0, parameter.low, parameter.high].map((v) => textOf(parameter, v));
    lines.push(`${path}: ${value} (of ${low} … ${high})`);
  });
  plan.targets.forEach((target, i) => {
    if (target.case !== name) return;
    const [wanted, reached] = [target.value, fit.figures[i]?.value ?? null].map((v) => human(target.figure, v));
    lines.push(`${target.figure} of ${target.metricOf}: wanted ${wanted}, reached ${reached}`);
  });
  return lines.map((line) => `# ${line}\n`).join('');
}

/** Every evaluation: its parameters, figures and objective. */
function evaluationsCsv({ plan, evaluations }: Calibration): string {
  const columns = [
    'evaluation',
    'phase',
    'objective',
    ...plan.parameters.map(parameterColumn),
    ...plan.targets.map((target) => targetColumn(plan, target)),
  ];
  const rows = evaluations.map(({ phase, objective, values, figures }, i) => {
    const cells: Cell[] = [
      i + 1,
      phase,
      Number(objective.toPrecision(6)),
      ...values,
      ...figures.map(({ value }) => value),
    ];
    return Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? null]));
  });
  return writeTable(columns, rows, ['evaluation']);
}

const parameterColumn = ({ name, isDuration }: Parameter): string => (isDuration ? `${name}_ns` : name);
const targetColumn = ({ cases }: Plan, target: Target): string =>
  [...(cases.size > 1 ? [target.case] : []), target.metricOf, target.figure].join(' ');

function manifest(calibration: Calibration): string {
  const { plan, seed, runs, fit, fresh, evaluations } = calibration;
  const parameters = plan.parameters.map((parameter, i) => {
    const value = fit.values[i] ?? 0;
    return {
      name: parameter.name,
      paths: Object.fromEntries(parameter.paths),
      low: textOf(parameter, parameter.low),
      high: textOf(parameter, parameter.high),
      scale: parameter.scale,
      fitted: textOf(parameter, value),
      at_bound: boundOf(parameter, value),
    };
  });
  const targets = plan.targets.map((target, i) => {
    const figure = fit.figures[i];
    return {
      case: target.case,
      metric_of: target.metricOf,
      figure: target.figure,
      wanted: target.value,
      reached: figure?.value ?? null,
      reached_new_seeds: fresh.figures[i]?.value ?? null,
      ratio: (figure?.value ?? null) === null ? null : Number(Math.exp(logRatio(target, figure)).toPrecision(6)),
      tolerance: target.tolerance,
      weight: target.weight,
      verdict: verdictOn(target, figure),
    };
  });
  const cases = [...plan.cases].map(([name, scenario]) => ({
    case: name,
    scenario,
    scenario_sha256: createHash('sha256')
      .update(JSON.stringify(scenarioOf(plan, name, fit.values)))
      .digest('hex'),
  }));
  const content = {
    kpbench: packageVersion(),
    policy: plan.policy,
    duration_ns: plan.durationNs,
    seed,
    runs,
    simulations: evaluations.length * plan.cases.size * runs,
    objective: Number(fit.objective.toPrecision(6)),
    within_tolerance: fits(calibration),
    parameters,
    targets,
    cases,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}
