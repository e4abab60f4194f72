/** How fast a task may dirty pages, against what a real kernel computed: each look of the recorded writer, from what it saw. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../../bench/primitives.js';
import { packageRoot } from '../../../src/paths.js';
import { BUILDS } from '../base/builds.js';

const TRACE = join(packageRoot, 'validation/recordings/memory/traces/6.1-M12.txt.gz');
/** Rates are traced in kB/s. */
const KB_PER_PAGE = 4;

/** One look of the writer: what the kernel saw, and the rates that it computed. */
interface Look {
  saw: Record<string, number>;
  /** The device's bandwidth: the estimate that the next look at it found. */
  bandwidth: number;
}

function looks(): Look[] {
  const found: Look[] = [];
  let since = 0;
  let limits: Look['saw'] = {};
  for (const line of gunzipSync(readFileSync(TRACE)).toString('latin1').split('\n')) {
    const [, task, event] = line.split(' ');
    if (task?.startsWith('w-') !== true) continue;
    const fields = Object.fromEntries(
      [...line.matchAll(/(\w+)=(-?\d+)/g)].map(([, key, value]) => [key, Number(value)]),
    );
    if (event === 'global_dirty_state') limits = fields;
    if (event === 'balance_dirty_pages')
      found.push({ saw: { ...limits, ...fields, limit: limits.limit ?? 0 }, bandwidth: 0 });
    if (event !== 'bdi_dirty_ratelimit') continue;
    // The look that estimates anew comes behind its estimate in the trace, and has gone by the old one.
    for (const look of found.slice(since)) look.bandwidth = (fields.awrite_bw ?? 0) / KB_PER_PAGE;
    since = found.length;
  }
  return found.slice(0, since);
}

describe.each(BUILDS)('the rate of a recorded writer, %s build', (build) => {
  const { dirtyPosition } = primitives(1, 1, build);

  it('is what the kernel computed, at each of its looks', () => {
    const found = looks();
    expect(found.length).toBeGreaterThan(1300);
    const errors = found.map(({ saw, bandwidth }) => {
      const of = (name: string): number => saw[name] ?? 0;
      const wbThresh = Math.round((of('bdi_setpoint') * (of('thresh') + 1)) / of('setpoint'));
      const machine = [of('dirty'), of('thresh'), of('bg_thresh'), of('limit')] as const;
      const ratio = dirtyPosition(...machine, of('bdi_dirty'), wbThresh, bandwidth);
      const rate = (((of('dirty_ratelimit') / KB_PER_PAGE) * ratio) >> 10) * KB_PER_PAGE;
      return Math.abs(rate - of('task_ratelimit')) / of('task_ratelimit');
    });
    expect(errors.filter((error) => error === 0).length / errors.length).toBeGreaterThan(0.95);
    // A 1024th of its base, at half of which it stands: what the trace has rounded.
    expect(Math.max(...errors)).toBeLessThan(0.003);
  });
});
