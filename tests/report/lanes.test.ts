/** Who ran when, recorded above simulated. */
import { expect, test } from 'vitest';
import { lanesSvg } from '../../src/report/lanes.js';

const lanes = [
  { name: 'hog0', recorded: [[0, 4] as const, [8, 12] as const], simulated: [[0, 4] as const] },
  { name: 'hog1', recorded: [[4, 8] as const], simulated: [] },
];

test('has a lane a task and says which side is which', () => {
  const svg = lanesSvg('S01', lanes, 20);
  for (const text of ['<title>S01</title>', '>hog0<', '>hog1<', '>recorded<', '>simulated<', 'ms after T0']) {
    expect(svg).toContain(text);
  }
});

test('draws each run, and the same runs always alike', () => {
  const bars = (svg: string, colour: string) => svg.match(new RegExp(`<path[^>]*stroke="${colour}"[^>]*>`, 'g')) ?? [];
  const svg = lanesSvg('S01', lanes, 20);
  expect(svg).toBe(lanesSvg('S01', lanes, 20));
  const moves = (colour: string) => bars(svg, colour).join('').match(/M/g)?.length ?? 0;
  expect(moves('#0969da')).toBe(3);
  expect(moves('#cf222e')).toBe(1);
});
