/** What schemas of the scenario language are made of: lengths of time, lists of CPUs, names. */
import { z } from 'zod';
import { parseCpuList, parseDuration } from './units.js';

const DURATION = 'a duration such as 250us';

/** A length of time in ns. */
export const time = z
  .union([z.string(), z.literal(0)], { error: `expected ${DURATION}` })
  .transform((value, context) => {
    const ns = parseDuration(String(value));
    if (ns !== null) return ns;
    context.addIssue({ code: 'custom', message: `expected ${DURATION}, found "${value}"` });
    return z.NEVER;
  })
  .describe('a number and a unit: ns, us, ms, s, min');

/** A positive length of time in ns. */
export const positiveTime = time.refine((ns) => ns > 0, `expected ${DURATION} above 0`);

/** The complaint of a union that wants a length of time. */
export const noDuration = (issue: { input?: unknown }) =>
  `expected ${DURATION} or a distribution, found ${shown(issue.input)}`;

/** A fixed or drawn length of time. */
export const durationSchema = z
  .union(
    [
      time.transform((ns) => ({ kind: 'fixed' as const, ns })),
      z
        .strictObject({ uniform: z.tuple([time, time]).describe('least, most') })
        .refine(({ uniform: [least, most] }) => least <= most, 'expected [least, most]')
        .transform(({ uniform: [minNs, maxNs] }) => ({ kind: 'uniform' as const, minNs, maxNs })),
      z
        .strictObject({ exponential: positiveTime.describe('mean') })
        .transform(({ exponential }) => ({ kind: 'exponential' as const, meanNs: exponential })),
      z
        .strictObject({ lognormal: z.strictObject({ median: positiveTime, sigma: z.number().min(0).max(5) }) })
        .transform(({ lognormal: { median, sigma } }) => ({ kind: 'lognormal' as const, medianNs: median, sigma })),
      z
        .strictObject({
          pareto: z.strictObject({ min: positiveTime, alpha: z.number().min(0.1).max(100), max: positiveTime }),
        })
        .refine(({ pareto: { min, max } }) => min < max, 'expected min below max')
        .transform(({ pareto: { min, alpha, max } }) => ({ kind: 'pareto' as const, minNs: min, alpha, maxNs: max })),
      z
        .strictObject({ empirical: z.array(time).min(1).max(100_000) })
        .transform(({ empirical }) => ({ kind: 'empirical' as const, valuesNs: empirical })),
    ],
    { error: noDuration },
  )
  .describe('fixed, or {uniform | exponential | lognormal | pareto | empirical}');

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

export const cpuList = z
  .union([z.array(z.int().min(0)).min(1), z.int().min(0), z.string()])
  .transform((value, context) => {
    const cpus = Array.isArray(value)
      ? [...new Set(value)].sort((a, b) => a - b)
      : typeof value === 'number'
        ? [value]
        : parseCpuList(value);
    if (cpus !== null) return cpus;
    context.addIssue({ code: 'custom', message: `expected CPUs such as 0-3,8, found "${value}"` });
    return z.NEVER;
  })
  .describe('CPUs: [0, 1] or 0-3,8');

export const name = z.string().min(1).max(64);
export const empty = z.strictObject({}).or(z.null());
