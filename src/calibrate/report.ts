/** What a calibration tells on a terminal: the parameters, the targets, and how the one depends on the other. */
import chalk from 'chalk';
import { type TextColumn, textTable } from '../report/table.js';
import { humanCount, humanPercent, humanRatio, humanTime } from '../report/units.js';
import { formatDuration } from '../scenario/units.js';
import type { Calibration, Sensitivity } from './calibrate.js';
import type { Evaluation } from './evaluate.js';
import { isMet, logRatio, type Reached, type Target } from './objective.js';
import { boundOf, textOf } from './parameter.js';
import type { TargetFigure } from './schema.js';

/** The whole report. */
export function calibrationReport(calibration: Calibration): string {
  const { plan, fit, runs, seed, evaluations } = calibration;
  const simulations = humanCount(evaluations.length * plan.cases.size * runs);
  const head = [
    `policy ${plan.policy}`,
    `${runs} ${runs === 1 ? 'run' : 'runs'} of ${formatDuration(plan.durationNs)} from seed ${seed}`,
    `${simulations} simulations`,
  ].join(', ');
  return [
    `${chalk.bold('fit')}  ${head}\n${parameterTable(calibration)}`,
    `${chalk.bold('targets')}  objective ${short(fit.objective)}\n${targetTable(calibration)}`,
    `${chalk.bold('what the targets do')}  when one parameter changes\n${sensitivityTable(calibration)}`,
    ...(isMinimum(calibration)
      ? []
      : [`${chalk.yellow('no minimum yet')}: a neighbour is better; try a larger --budget or another --seed\n`]),
  ].join('\n');
}

/** Whether no neighbour is better than the fit. */
function isMinimum({ fit, sensitivity }: Calibration): boolean {
  return sensitivity.every(({ down, up }) =>
    [down, up].every((each) => each === null || each.objective >= fit.objective),
  );
}

/** What there is to say of a fitted value: that it lies at a bound, or could be any. */
export function noteOn({ plan, fit, sensitivity }: Calibration, index: number): string {
  const parameter = plan.parameters[index];
  const bound = parameter === undefined ? null : boundOf(parameter, fit.values[index] ?? 0);
  if (isIdle(fit, sensitivity[index])) return 'no target depends on it';
  return bound === null ? '' : `at its ${bound} bound`;
}

/** Whether neither neighbour shows anything else than the fit. */
function isIdle(fit: Evaluation, beside: Sensitivity | undefined): boolean {
  const neighbours = [beside?.down, beside?.up].filter((each) => each !== null && each !== undefined);
  return neighbours.every(({ figures }) => figures.every(({ value }, i) => value === fit.figures[i]?.value));
}

/** `met`, `missed` or `not measured`. */
export function verdictOn(target: Target, figure: Reached | undefined): string {
  if (figure === undefined || figure.value === null) return 'not measured';
  return isMet(target, figure) ? 'met' : 'missed';
}

function parameterTable(calibration: Calibration): string {
  const { parameters } = calibration.plan;
  const rows = parameters.map((parameter, i) => [
    parameter.name,
    textOf(parameter, parameter.low),
    textOf(parameter, parameter.high),
    textOf(parameter, calibration.fit.values[i] ?? 0),
    noteOn(calibration, i),
  ]);
  const columns: TextColumn[] = [
    { title: 'parameter', align: 'left' },
    { title: 'low', align: 'right' },
    { title: 'high', align: 'right' },
    { title: 'fitted', align: 'right', paint: (cell) => chalk.bold(cell) },
  ];
  if (rows.some((cells) => cells.at(-1) !== ''))
    columns.push({ title: '', align: 'left', paint: (cell) => chalk.yellow(cell) });
  return textTable(columns, rows);
}

function targetTable({ plan, fit, fresh }: Calibration): string {
  const metrics = new Set(plan.targets.map(({ metricOf }) => metricOf));
  const rows = plan.targets.map((target, i) => {
    const figure = fit.figures[i];
    return [
      `#${i + 1}`,
      [
        ...(plan.cases.size > 1 ? [target.case] : []),
        ...(metrics.size > 1 ? [target.metricOf] : []),
        target.figure,
      ].join(' '),
      human(target.figure, target.value),
      human(target.figure, figure?.value ?? null),
      humanRatio(figure?.value ?? Number.NaN, target.value),
      `${Number((100 * target.tolerance).toPrecision(4))} %`,
      human(target.figure, fresh.figures[i]?.value ?? null),
      verdictOn(target, figure),
    ];
  });
  return textTable(
    [
      { title: '', align: 'left', paint: (cell) => chalk.dim(cell) },
      { title: 'target', align: 'left' },
      { title: 'wanted', align: 'right' },
      { title: 'reached', align: 'right', paint: (cell) => chalk.bold(cell) },
      { title: 'ratio', align: 'right' },
      { title: 'within', align: 'right', droppable: 1 },
      { title: 'new seeds', align: 'right' },
      { title: '', align: 'left', paint: (cell) => (cell.trim() === 'met' ? chalk.green(cell) : chalk.red(cell)) },
    ],
    rows,
  );
}

function sensitivityTable({ plan, fit, sensitivity }: Calibration): string {
  const rows = plan.parameters.flatMap((parameter, i) =>
    [sensitivity[i]?.down, sensitivity[i]?.up]
      .filter((each) => each !== null && each !== undefined)
      .map((neighbour) => [
        parameter.name,
        textOf(parameter, neighbour.values[i] ?? 0),
        short(neighbour.objective),
        ...plan.targets.map((target, at) => change(target, fit.figures[at], neighbour.figures[at])),
      ]),
  );
  const columns = plan.targets.map((_, i) => ({
    title: `#${i + 1}`,
    align: 'right' as const,
    droppable: plan.targets.length - i,
  }));
  return textTable(
    [
      { title: 'parameter', align: 'left' },
      { title: 'at', align: 'right' },
      { title: 'objective', align: 'right' },
      ...columns,
    ],
    rows,
  );
}

/** `+12 %`; `=` unchanged. */
function change(target: Target, from: Reached | undefined, to: Reached | undefined): string {
  if ((from?.value ?? null) === null || (to?.value ?? null) === null) return '–';
  const pct = 100 * Math.expm1(logRatio(target, to) - logRatio(target, from));
  if (Math.abs(pct) < 0.005) return '=';
  return `${pct > 0 ? '+' : '−'}${Number(Math.abs(pct).toPrecision(2))} %`;
}

/** A figure with its unit. */
export function human(figure: TargetFigure, value: number | null): string {
  if (figure.endsWith('_us')) return humanTime(value);
  if (figure.endsWith('_pct')) return humanPercent(value);
  return value === null ? '–' : humanCount(Math.round(value));
}

const short = (objective: number): string => String(Number(objective.toPrecision(3)));
