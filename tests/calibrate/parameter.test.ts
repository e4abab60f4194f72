/** Parameters: coordinates, values and texts lead to each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boundOf,
  coordinateOf,
  nudged,
  type Parameter,
  parameterOf,
  textOf,
  valueAt,
} from '../../src/calibrate/parameter.js';
import { formatDuration, parseDuration } from '../../src/scenario/units.js';

type Bounds = { low: string | number; high: string | number; scale?: 'log' | 'linear'; step?: string | number };
const parameter = ({ scale = 'log', ...bounds }: Bounds): Parameter =>
  parameterOf({ name: undefined, path: 'a.b', scale, step: undefined, ...bounds }, ['one', 'two']);

const PARAMETERS = [
  parameter({ low: '250ns', high: '1min' }),
  parameter({ low: '0', high: '3.5ms', scale: 'linear' }),
  parameter({ low: '1234567ns', high: '7654321ns' }),
  parameter({ low: 0.01, high: 5 }),
  parameter({ low: -20, high: 19, scale: 'linear', step: 1 }),
  parameter({ low: 0, high: 1, scale: 'linear', step: 0.3 }),
  parameter({ low: '1ms', high: '10ms', step: '2ms' }),
];

describe('parameters', () => {
  it('write durations that are read back, to the nanosecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 53 }), (ns) => {
        expect(parseDuration(formatDuration(ns))).toBe(ns);
      }),
      { seed: 1, numRuns: 1000 },
    );
    expect([0, 999, 1500, 412_300, 2.5e6, 90e9].map(formatDuration)).toEqual([
      '0',
      '999ns',
      '1.5us',
      '412.3us',
      '2.5ms',
      '90s',
    ]);
  });

  it.each(PARAMETERS.map((each) => [`${textOf(each, each.low)} to ${textOf(each, each.high)}`, each] as const))(
    '%s: a value leads back to itself and stays within the bounds',
    (_, each) => {
      fc.assert(
        fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (at) => {
          const value = valueAt(each, at);
          expect(value).toBeGreaterThanOrEqual(each.low);
          expect(value).toBeLessThanOrEqual(each.high);
          expect(valueAt(each, coordinateOf(each, value))).toBe(value);
          const text = textOf(each, value);
          expect(each.isDuration ? parseDuration(text) : Number(text)).toBe(value);
        }),
        { seed: 1 },
      );
    },
  );

  it('keep to few digits, or to their steps', () => {
    expect(textOf(parameter({ low: '1us', high: '1s' }), valueAt(parameter({ low: '1us', high: '1s' }), 0.4))).toBe(
      '251.2us',
    );
    const odd = parameter({ low: '1ms', high: '10ms', step: '2ms' });
    expect([0, 0.2, 0.5, 1].map((at) => textOf(odd, valueAt(odd, at)))).toEqual(['1ms', '1ms', '3ms', '9ms']);
  });

  it('are nudged by 10 %, at least by a step, not over a bound', () => {
    expect(nudged(parameter({ low: '10us', high: '1ms' }), 500_000)).toEqual([450_000, 550_000]);
    expect(nudged(parameter({ low: '10us', high: '520us' }), 500_000)).toEqual([450_000, 520_000]);
    expect(nudged(parameter({ low: '500us', high: '1ms' }), 500_000)).toEqual([null, 550_000]);
    expect(nudged(parameter({ low: 1, high: 8, step: 1 }), 4)).toEqual([3, 5]);
    expect(nudged(parameter({ low: 1, high: 8, step: 1 }), 8)).toEqual([7, null]);
    expect(nudged(parameter({ low: 0, high: 2, scale: 'linear' }), 0)).toEqual([null, 0.02]);
  });

  it('say when they are at a bound', () => {
    const each = parameter({ low: '1us', high: '1ms' });
    expect([1000, 1050, 2000, 500_000, 990_000, 1_000_000].map((value) => boundOf(each, value))).toEqual([
      'low',
      'low',
      null,
      null,
      'high',
      'high',
    ]);
    expect(boundOf(parameter({ low: '1ms', high: '10ms', step: '2ms' }), 9e6)).toBe('high');
  });
});
