/** Both sides of the boundary say the same: record fields, codes, layouts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ACCESS,
  CHANNEL,
  DISTRIBUTION,
  GFP,
  MISSED,
  MODE,
  OP,
  PATTERN,
  POLICY,
  RECORDS,
  SINCE,
} from '../../src/kernel/tables.js';
import { packageRoot } from '../../src/paths.js';

const assembly = (file: string): string => readFileSync(join(packageRoot, 'assembly', file), 'utf8');

/** `export const NAME: type = value;` of a namespace. */
function constants(source: string, namespace: string): Record<string, number> {
  const [, body] = new RegExp(`namespace ${namespace} \\{(.*?)\\n\\}`, 's').exec(source) ?? [];
  return Object.fromEntries(
    [...(body ?? '').matchAll(/export const (\w+): \w+ = (\d+);/g)].map(([, name, value]) => [name, Number(value)]),
  );
}

const upper = (record: Record<string, number>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name.toUpperCase().replace('IRQOFF', 'IRQ_OFF'), value]),
  );

describe('tables.ts', () => {
  it.each(Object.entries(RECORDS))('%s has the same fields', (name, fields) => {
    const [, body] = new RegExp(`class ${name} \\{(.*?)\\n\\}`, 's').exec(assembly('tables.ts')) ?? [];
    expect([...(body ?? '').matchAll(/(\w+): f64;/g)].map(([, field]) => field)).toEqual([...fields]);
  });

  it('has the same operation codes', () => expect(constants(assembly('task/instruction.ts'), 'Op')).toEqual(OP));
  it('has the same modes', () => expect(constants(assembly('task/task.ts'), 'Mode')).toEqual(upper(MODE)));
  it('has the same distributions', () =>
    expect(constants(assembly('base/random.ts'), 'Kind')).toEqual(upper(DISTRIBUTION)));
  it('has the same rules for missed periods', () =>
    expect(constants(assembly('task/instruction.ts'), 'Missed')).toEqual(upper(MISSED)));
  it('has the same channels of an array', () =>
    expect(constants(assembly('task/instruction.ts'), 'Channel')).toEqual(upper(CHANNEL)));
  it('has the same begins of intervals', () =>
    expect(constants(assembly('task/instruction.ts'), 'Since')).toEqual(upper(SINCE)));
  it('has the same steps of memory, and patterns of them', () => {
    expect(constants(assembly('mm/phase.ts'), 'Access')).toEqual(upper(ACCESS));
    expect(constants(assembly('mm/task_mm.ts'), 'Pattern')).toEqual(upper(PATTERN));
  });
  it('has the same kinds of requests for pages of the kernel', () =>
    expect(constants(assembly('mm/order/alloc.ts'), 'Gfp')).toEqual(upper(GFP)));
  it('has the same policies', () => {
    const { fair, ...others } = POLICY;
    expect(constants(assembly('task/task.ts'), 'Policy')).toEqual({ NORMAL: fair, ...upper(others) });
  });
});
