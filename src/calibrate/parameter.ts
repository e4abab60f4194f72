/** A free parameter: between a coordinate of the unit cube, its value, and the text that a scenario holds. */
import { formatDuration } from '../scenario/units.js';
import { isDuration, numberOf, type ParameterDocument } from './schema.js';

/** A named, bounded, free parameter. */
export interface Parameter {
  name: string;
  /** Where it stands in each case that it is in. */
  paths: ReadonlyMap<string, string>;
  low: number;
  high: number;
  scale: 'log' | 'linear';
  step: number | null;
  /** Values are durations in ns, otherwise plain numbers. */
  isDuration: boolean;
}

/** Fitted values have so many digits: more would pretend to be measured, fewer would hold the search up. */
const DIGITS = 4;
/** By how much sensitivity is asked: 10 % of the value, or where there is none, a hundredth of the range. */
const NUDGE = 0.1;
const NUDGE_OF_RANGE = 0.01;
/** Nearer to a bound than this part of the range counts as at it. */
const AT_BOUND = 0.01;

/** A parameter as the fit file describes it. */
export function parameterOf(document: ParameterDocument, cases: readonly string[]): Parameter {
  const { path, low, high, scale, step } = document;
  const paths = typeof path === 'string' ? cases.map((name) => [name, path] as const) : Object.entries(path);
  return {
    name: document.name ?? paths[0]?.[1] ?? '',
    paths: new Map(paths),
    low: numberOf(low),
    high: numberOf(high),
    scale,
    step: step === undefined ? null : numberOf(step),
    isDuration: isDuration(high),
  };
}

/** The value at a coordinate: of few digits or whole steps, within the bounds. */
export function valueAt(parameter: Parameter, coordinate: number): number {
  const { low, high, scale } = parameter;
  if (coordinate <= 0) return low;
  if (coordinate >= 1) return highest(parameter);
  return rounded(parameter, scale === 'log' ? low * (high / low) ** coordinate : low + (high - low) * coordinate);
}

/** The coordinate of a value. */
export function coordinateOf({ low, high, scale }: Parameter, value: number): number {
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** A value as the scenario holds it. */
export function textOf(parameter: Parameter, value: number): string {
  return parameter.isDuration ? formatDuration(value) : String(value);
}

/** The values on both sides of one that tell how much it matters; null where a bound leaves no room. */
export function nudged(parameter: Parameter, value: number): [down: number | null, up: number | null] {
  const { low, high, step } = parameter;
  const by = Math.max(NUDGE * Math.abs(value), step ?? (value === 0 ? NUDGE_OF_RANGE * (high - low) : 0));
  return [value - by, value + by].map((to) => {
    const there = rounded(parameter, to);
    return there === value ? null : there;
  }) as [number | null, number | null];
}

/** Whether a value lies at a bound, and at which. */
export function boundOf(parameter: Parameter, value: number): 'low' | 'high' | null {
  const coordinate = coordinateOf(parameter, value);
  if (coordinate <= AT_BOUND) return 'low';
  return coordinate >= 1 - AT_BOUND || value === highest(parameter) ? 'high' : null;
}

const highest = (parameter: Parameter): number => rounded(parameter, parameter.high);

function rounded({ low, high, step, isDuration: whole }: Parameter, value: number): number {
  const held = Math.min(high, Math.max(low, value));
  if (held === low || (held === high && step === null)) return held;
  if (step !== null) {
    const steps = Math.min(Math.round((held - low) / step), Math.floor((high - low) / step + 1e-9));
    return Number((low + steps * step).toPrecision(12));
  }
  const short = Number(held.toPrecision(DIGITS));
  return Math.min(high, Math.max(low, whole ? Math.round(short) : short));
}
