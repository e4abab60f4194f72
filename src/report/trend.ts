/**
 * The picture of one figure's history: its value at every commit, oldest first.
 */
import type { HistoryEntry } from '../results/history.js';
import { INK, LINE_COLOURS, renderSvg } from './svg.js';
import { humanNumber } from './units.js';

/** Which direction is an improvement. */
export type Polarity = 'lower is better' | 'higher is better';

const WIDTH = 800;
const HEIGHT = 300;
const COMMIT_DIGITS = 7;

/** An SVG of the entries of `metric` in their order; also for one entry, or none. */
export function trendSvg(metric: string, polarity: Polarity, history: readonly HistoryEntry[]): string {
  const entries = history.filter((entry) => entry.metric === metric);
  const unit = entries.at(-1)?.unit ?? '';
  const last = entries.length - 1;
  const [color] = LINE_COLOURS.slice(1);
  const option = {
    title: {
      text: metric,
      subtext: [unit, polarity].filter((part) => part !== '').join(', '),
      left: 12,
      top: 6,
      itemGap: 4,
      textStyle: { fontSize: 15, color: INK.text },
      subtextStyle: { fontSize: 12, color: INK.faint },
    },
    grid: { left: 76, right: 92, top: 66, bottom: 52, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: entries.map(({ date, commit }) => `${date.slice(0, 10)}\n${commit.slice(0, COMMIT_DIGITS)}`),
      axisLine: { lineStyle: { color: INK.faint } },
      axisTick: { show: false },
      axisLabel: {
        color: INK.faint,
        fontSize: 11,
        lineHeight: 15,
        hideOverlap: true,
        interval: everyNth(entries.length),
      },
    },
    yAxis: {
      type: 'value',
      scale: true,
      boundaryGap: ['12%', '12%'],
      splitNumber: 4,
      axisLabel: { color: INK.faint, fontSize: 11, formatter: humanNumber },
      splitLine: { lineStyle: { color: INK.grid } },
    },
    series: [
      {
        type: 'line',
        silent: true,
        symbol: 'circle',
        symbolSize: entries.length > 100 ? 3 : 6,
        itemStyle: { color },
        lineStyle: { color, width: 2 },
        data: entries.map(({ value }, i) => ({
          value,
          label: {
            show: i === last,
            position: 'right',
            formatter: humanNumber(value),
            color,
            fontSize: 12,
            fontWeight: 'bold',
          },
        })),
      },
    ],
  };
  return renderSvg(option, { title: `${metric} over time`, width: WIDTH, height: HEIGHT });
}

/** Labels of the x axis: at most eight, counted from the newest, so that the newest has one. */
function everyNth(count: number): (index: number) => boolean {
  const step = Math.max(1, Math.ceil(count / 8));
  return (index) => (count - 1 - index) % step === 0;
}
