import { describe, expect, it } from 'vitest';
import { ccdfSvg } from '../../src/report/ccdf.js';
import { trendSvg } from '../../src/report/trend.js';
import { histogramOf } from '../results/samples.js';

const slow = histogramOf([5_000, 60_000, 250_000, 15_952_000]);
const fast = histogramOf([4_000, 9_000, 116_000]);
const panels = ['idle', 'busy <50 %>'].map((name) => ({
  case: name,
  lines: [
    { policy: 'CFS', latency: slow },
    { policy: 'VMF', latency: fast },
  ],
}));
const entry = { date: '2026-11-24T01:00:00Z', commit: 'fd5129e0123', metric: 'max_us', value: 116.25, unit: 'µs' };

describe.each([
  ['distribution', () => ccdfSvg('cyclictest', panels)],
  ['trend', () => trendSvg('max_us', 'lower is better', [entry, { ...entry, commit: 'aa40030', value: 90 }])],
  ['trend of one', () => trendSvg('max_us', 'lower is better', [entry])],
  [
    'empty distribution',
    () => ccdfSvg('nothing', [{ case: 'a', lines: [{ policy: 'CFS', latency: histogramOf([]) }] }]),
  ],
  ['empty trend', () => trendSvg('max_us', 'lower is better', [])],
])('the picture of a %s', (_, render) => {
  it('is the same bytes every time, without ids of a running count', () => {
    expect(render()).toBe(render());
    expect(render()).not.toMatch(/zr\d/);
  });

  it('is readable on a dark page', () => {
    const svg = render();
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).not.toMatch(/<rect[^>]*fill="(?!none)/);
    const dark = new Set([...svg.matchAll(/\[fill="(#\w+)"\]/g)].map(([, colour]) => colour));
    const texts = [...svg.matchAll(/<text[^>]*fill="([^"]+)"/g)].map(([, colour]) => colour);
    expect(texts.filter((colour) => !dark.has(colour))).toEqual([]);
  });

  it('is one well-formed element', () => {
    const svg = render();
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('ccdfSvg', () => {
  it('names cases, policies, maxima and the limit', () => {
    const svg = ccdfSvg('cyclictest', panels);
    for (const text of ['idle', 'busy &lt;50 %&gt;', 'CFS', '15.95 ms  CFS', '116 µs  VMF', '100 µs'])
      expect(svg).toContain(`>${text}<`);
  });
});

describe('trendSvg', () => {
  it('says unit, polarity, commit and the last value', () => {
    const svg = trendSvg('max_us', 'lower is better', [entry]);
    for (const text of ['max_us', 'µs, lower is better', '2026-11-24', 'fd5129e', '116.25'])
      expect(svg).toContain(`>${text}<`);
  });
});
