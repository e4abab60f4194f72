/**
 * A picture of who ran when: a lane a task, the recorded history above the simulated one.
 */
import { FONT, INK, LINE_COLOURS, renderSvg } from './svg.js';

/** When a task ran, in ms: [begin, end]. */
export interface Lane {
  name: string;
  recorded: ReadonlyArray<readonly [number, number]>;
  simulated: ReadonlyArray<readonly [number, number]>;
}

const WIDTH = 900;
const LANE_HEIGHT = 40;
const FRAME_HEIGHT = 110;
/** Half of the distance between the two bars of a lane. */
const APART = 0.18;

/** An SVG of the lanes from 0 to `untilMs`. */
export function lanesSvg(title: string, lanes: readonly Lane[], untilMs: number): string {
  // A run of microseconds is drawn a pixel wide.
  const leastMs = untilMs / WIDTH;
  const bars = (side: 'recorded' | 'simulated') => {
    const color = LINE_COLOURS[side === 'recorded' ? 1 : 0];
    return {
      name: side,
      type: 'line',
      silent: true,
      showSymbol: false,
      itemStyle: { color },
      lineStyle: { color, width: 9, cap: 'butt' },
      data: lanes.flatMap((lane, row) => {
        const y = row + (side === 'recorded' ? -APART : APART);
        return lane[side].flatMap(([begin, end]) => [
          [begin, y],
          [Math.max(end, begin + leastMs), y],
          ['-', '-'],
        ]);
      }),
    };
  };
  const option = {
    title: { text: title, left: 12, top: 6, textStyle: { fontSize: 15, color: INK.text } },
    legend: { top: 8, right: 16, icon: 'rect', itemHeight: 8, textStyle: { color: INK.text, fontSize: 12 } },
    grid: { left: 110, right: 24, top: 48, bottom: 46, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      min: 0,
      max: untilMs,
      name: 'ms after T0',
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: { color: INK.faint, fontSize: 12 },
      axisLine: { show: true, onZero: false, lineStyle: { color: INK.faint } },
      axisLabel: { color: INK.faint, fontSize: 11 },
      splitLine: { lineStyle: { color: INK.grid } },
    },
    yAxis: {
      type: 'value',
      inverse: true,
      min: -0.5,
      max: lanes.length - 0.5,
      interval: 1,
      axisLabel: {
        color: INK.text,
        fontFamily: FONT,
        fontSize: 12,
        formatter: (value: number) => lanes[Math.round(value + 0.5)]?.name ?? '',
        verticalAlign: 'top',
        padding: [LANE_HEIGHT / 2 - 6, 0, 0, 0],
      },
      splitLine: { lineStyle: { color: INK.grid } },
    },
    series: [bars('recorded'), bars('simulated')],
  };
  return renderSvg(option, { title, width: WIDTH, height: FRAME_HEIGHT + LANE_HEIGHT * lanes.length });
}
