/** A fit file: which parameters of which scenarios are free, and the figures of one policy that they are to reach. */
import { z } from 'zod';
import { RUN_FIGURES } from '../results/metrics.js';
import { name, positiveTime } from '../scenario/primitives.js';
import { parseDuration } from '../scenario/units.js';

/** By case, whose name is that of an output file, too. */
const byCase = z
  .record(name, z.string().min(1))
  .refine((cases) => Object.keys(cases).length > 0, 'expected a case')
  .refine((cases) => Object.keys(cases).every((key) => /^[\w.+-]+$/.test(key)), {
    error: 'expected names of cases of letters, digits and _ . + -',
  });

/** A number, or a duration such as 250us: as the scenario writes it. */
const value = z
  .union([z.number(), z.string()], { error: 'expected a number or a duration such as 250us' })
  .refine((given) => typeof given === 'number' || parseDuration(given) !== null, {
    error: 'expected a number or a duration such as 250us',
  });

type Value = z.infer<typeof value>;
/** Whether a bound is a length of time; 0 may be either. */
export const isDuration = (given: Value): boolean => typeof given === 'string' && parseDuration(given) !== 0;

/** A bound as a number; durations in ns. */
export const numberOf = (given: Value): number =>
  typeof given === 'number' ? given : (parseDuration(given) ?? Number.NaN);

const parameter = z
  .strictObject({
    name: name.optional().describe('for tables; default: the path'),
    path: z
      .union([z.string().min(1), byCase], { error: 'expected a path, or paths by case' })
      .describe('as --set takes it; or case → path'),
    low: value,
    high: value,
    scale: z.enum(['log', 'linear']).default('log'),
    step: value.optional().describe('only low + k × step'),
  })
  .superRefine(({ low, high, scale, step }, context) => {
    const complain = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const notations = [low, high, ...(step === undefined ? [] : [step])].filter((given) => numberOf(given) !== 0);
    if (new Set(notations.map(isDuration)).size > 1) complain('high', 'expected numbers only, or durations only');
    else if (numberOf(low) >= numberOf(high)) complain('high', `expected more than low, which is ${low}`);
    else if (scale === 'log' && numberOf(low) <= 0) complain('low', 'expected more than 0 for scale log');
    else if (step !== undefined && (numberOf(step) <= 0 || numberOf(step) > numberOf(high) - numberOf(low)))
      complain('step', 'expected more than 0 and at most high − low');
  });

const positive = z.number().refine((given) => given > 0, 'expected more than 0');

const target = z.strictObject({
  case: name.optional(),
  metric_of: z.string().describe('task:recorder'),
  figure: z.enum(RUN_FIGURES),
  value: z.number().min(0).describe('in the unit that the figure’s name ends with'),
  weight: positive.default(1),
  tolerance: positive.describe('0.1: from value/1.1 to value×1.1'),
});

/** A fit file. */
export const fitSchema = z.strictObject({
  description: z.string().default(''),
  scenario: z
    .union([z.string().min(1), byCase], { error: 'expected a scenario’s name or file, or several by case' })
    .describe('one, or case → scenario'),
  policy: z.string().describe('the policy whose figures are fitted; all others stay predictions'),
  duration: positiveTime,
  parameters: z.array(parameter).min(1).max(12),
  targets: z.array(target).min(1),
});

export type FitDocument = z.infer<typeof fitSchema>;
export type ParameterDocument = FitDocument['parameters'][number];
export type TargetFigure = (typeof RUN_FIGURES)[number];
