/**
 * The picture of an experiment: for every case, what share of the samples took longer than x, one line per policy, both axes logarithmic.
 */
import { ccdf, type TailPoint } from '../results/histogram.js';
import type { HistogramData } from '../results/result.js';
import { INK, LINE_COLOURS, LINE_DASHES, renderSvg } from './svg.js';
import { humanCount, humanNs } from './units.js';

/** One panel: a case of the experiment with its policies, the same order in every panel. */
export interface CcdfPanel {
  case: string;
  lines: Array<{ policy: string; latency: HistogramData }>;
}

const PANEL = { width: 510, height: 260, left: 88, right: 178, top: 44, bottom: 54 } as const;
const HEAD = 62;
const THRESHOLD_US = 100;
/** Points of a line closer than this share of x cannot be told apart. */
const RESOLUTION = 1.01;

/** An SVG with one panel per case, two in a row. All panels share their ranges, so that they can be compared by eye. */
export function ccdfSvg(title: string, panels: readonly CcdfPanel[]): string {
  const perRow = Math.min(2, Math.max(1, panels.length));
  const width = perRow === 1 ? 730 : perRow * PANEL.width;
  const panelWidth = width / perRow;
  const height = HEAD + Math.max(1, Math.ceil(panels.length / perRow)) * PANEL.height;
  const policies = [...new Set(panels.flatMap((panel) => panel.lines.map((line) => line.policy)))];
  const range = rangeOf(panels);
  const corner = (i: number) => ({
    x: (i % perRow) * panelWidth,
    y: HEAD + Math.floor(i / perRow) * PANEL.height,
  });
  const option = {
    title: [
      { text: title, left: 'center', top: 8, textStyle: { fontSize: 15, color: INK.text } },
      ...panels.map((panel, i) => ({
        text: panel.case,
        left: corner(i).x + PANEL.left,
        top: corner(i).y + 2,
        padding: 0,
        textStyle: { fontSize: 13, color: INK.text },
      })),
      ...panels.flatMap((panel, i) => {
        const right = corner(i).x + panelWidth - PANEL.right;
        return maximaList(panel, policies, right + 12, corner(i).y + PANEL.top);
      }),
    ],
    legend: {
      top: 33,
      data: policies,
      itemWidth: 34,
      itemHeight: 8,
      itemGap: 20,
      textStyle: { color: INK.text, fontSize: 12 },
    },
    grid: panels.map((_, i) => ({
      left: corner(i).x + PANEL.left,
      top: corner(i).y + PANEL.top,
      width: panelWidth - PANEL.left - PANEL.right,
      height: PANEL.height - PANEL.top - PANEL.bottom,
      outerBoundsMode: 'none',
    })),
    xAxis: panels.map((_, i) => ({
      ...axis(i),
      name: 'latency x',
      nameGap: 26,
      min: range.fromUs,
      max: range.toUs,
      axisLabel: { color: INK.faint, fontSize: 11, formatter: decadeTime },
    })),
    yAxis: panels.map((_, i) => ({
      ...axis(i),
      name: i % perRow === 0 ? 'samples longer than x' : '',
      nameGap: 58,
      min: range.leastShare,
      max: 1,
      axisLabel: {
        color: INK.faint,
        fontSize: 11,
        formatter: (share: number) => `${Number((100 * share).toPrecision(1))} %`,
      },
    })),
    series: panels.flatMap((panel, i) => [
      threshold(i),
      ...panel.lines.map(({ policy, latency }) => curve(i, policy, policies.indexOf(policy), ccdf(latency))),
      maxima(i, panel, policies),
    ]),
  };
  return renderSvg(option, { title, width, height });
}

function axis(panel: number) {
  return {
    type: 'log',
    gridIndex: panel,
    nameLocation: 'middle',
    nameTextStyle: { color: INK.faint, fontSize: 11 },
    axisLine: { onZero: false, show: true, lineStyle: { color: INK.faint } },
    axisTick: { show: false },
    splitLine: { show: true, lineStyle: { color: INK.grid } },
  };
}

/** One policy's line. */
function curve(panel: number, policy: string, rank: number, points: readonly TailPoint[]) {
  const color = colourOf(rank);
  return {
    name: policy,
    type: 'line',
    step: 'end',
    silent: true,
    symbol: 'none',
    xAxisIndex: panel,
    yAxisIndex: panel,
    itemStyle: { color },
    lineStyle: { color, width: 2, type: LINE_DASHES[rank % LINE_DASHES.length] },
    data: thin(points).map(({ ns, share }) => [Math.max(1, ns) / 1000, share]),
  };
}

/** A dot at every policy's largest sample. */
function maxima(panel: number, { lines }: CcdfPanel, policies: readonly string[]) {
  return {
    type: 'scatter',
    silent: true,
    symbolSize: 7,
    z: 5,
    clip: false,
    xAxisIndex: panel,
    yAxisIndex: panel,
    data: lines
      .filter(({ latency }) => latency.count > 0)
      .map(({ policy, latency }) => ({
        value: [Math.max(1, latency.maxNs) / 1000, ccdf(latency).at(-1)?.share ?? 1],
        itemStyle: { color: colourOf(policies.indexOf(policy)) },
      })),
  };
}

/** Beside the panel: the values of those dots, from the right one to the left one. */
function maximaList({ lines }: CcdfPanel, policies: readonly string[], left: number, top: number) {
  const text = (content: string, row: number, color: string, fontWeight: string) => ({
    text: content,
    left,
    top: top + row * 17,
    padding: 0,
    textStyle: { color, fontSize: 11, fontWeight, width: PANEL.right - 16, overflow: 'truncate' },
  });
  const sorted = lines
    .filter(({ latency }) => latency.count > 0)
    .sort((a, b) => b.latency.maxNs - a.latency.maxNs)
    .map(({ policy, latency }, i) =>
      text(`${humanNs(latency.maxNs)}  ${policy}`, i + 1, colourOf(policies.indexOf(policy)), 'bold'),
    );
  return [text(sorted.length > 0 ? 'maximum of all runs' : 'no samples', 0, INK.faint, 'normal'), ...sorted];
}

/** The dashed line at 100 µs, the limit of the overflow figure. */
function threshold(panel: number) {
  return {
    type: 'line',
    silent: true,
    xAxisIndex: panel,
    yAxisIndex: panel,
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: INK.faint, type: [4, 4], width: 1 },
      label: { formatter: `${THRESHOLD_US} µs`, color: INK.faint, fontSize: 10, distance: 3, textBorderWidth: 0 },
      data: [{ xAxis: THRESHOLD_US }],
    },
  };
}

function colourOf(rank: number): string {
  return LINE_COLOURS[rank % LINE_COLOURS.length] ?? INK.text;
}

/** Whole decades that hold all samples, and the threshold. */
function rangeOf(panels: readonly CcdfPanel[]) {
  const full = panels.flatMap((panel) => panel.lines.map((line) => line.latency)).filter((h) => h.count > 0);
  const least = Math.min(THRESHOLD_US * 1000, ...full.map((h) => Math.max(1, h.minNs)));
  const most = Math.max(THRESHOLD_US * 1000, ...full.map((h) => h.maxNs));
  const leastShare = Math.min(0.1, ...full.map((h) => ccdf(h).at(-1)?.share ?? 1));
  return { fromUs: decadeBelow(least / 1000), toUs: decadeAbove(most / 1000), leastShare: decadeBelow(leastShare) };
}

/** The largest power of ten that is not above `value`. Parsed from text: exact, where a logarithm may be one bit off. */
function decadeBelow(value: number): number {
  return Number(`1e${value.toExponential(15).split('e')[1]}`);
}

function decadeAbove(value: number): number {
  const below = decadeBelow(value);
  return below === value ? value : Number(`1e${Number(below.toExponential().split('e')[1]) + 1}`);
}

/** Leaves out points that fall on their predecessor in the picture; the first and the last two stay. */
function thin(points: readonly TailPoint[]): TailPoint[] {
  let drawn = 0;
  return points.filter(({ ns }, i) => {
    const needed = i === 0 || i >= points.length - 2 || ns >= drawn * RESOLUTION;
    if (needed) drawn = ns;
    return needed;
  });
}

/** `10 µs`, `1 ms`, `1 s`. */
function decadeTime(us: number): string {
  if (us >= 1e6) return `${humanCount(us / 1e6)} s`;
  return us >= 1e3 ? `${us / 1e3} ms` : `${us} µs`;
}
