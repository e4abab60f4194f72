/**
 * Charts as SVG files: drawn by echarts, then made deterministic, transparent, and readable on light and dark pages.
 */
import { LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, ScatterChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

/** A colour and what becomes of it on a dark page. Also the light one can be made out on a dark page, for viewers without style sheets. */
const DARK: Readonly<Record<string, string>> = {
  '#24292f': '#e6edf3',
  '#57606a': '#9da7b3',
  '#d0d7de': '#30363d',
  '#0969da': '#58a6ff',
  '#cf222e': '#ff7b72',
  '#1a7f37': '#3fb950',
  '#9a6700': '#d29922',
  '#8250df': '#bc8cff',
  '#bf3989': '#f778ba',
  '#1b7c83': '#39c5cf',
  '#6e4a2f': '#c69b7b',
};

/** Text, less important text, and grid lines. */
export const INK = { text: '#24292f', faint: '#57606a', grid: '#d0d7de' } as const;

/** Colours of lines; the n-th line gets the n-th, from the start again when there are more. */
export const LINE_COLOURS = [
  '#cf222e',
  '#0969da',
  '#1a7f37',
  '#9a6700',
  '#8250df',
  '#1b7c83',
  '#bf3989',
  '#6e4a2f',
] as const;

/** Dashes of lines, so that colour is not the only difference. */
export const LINE_DASHES = ['solid', 'solid', [7, 3], [2, 2], [10, 3, 2, 3]] as const;

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** A text that every SVG reader and screen reader can show, and the size in pixels. */
export interface Picture {
  title: string;
  width: number;
  height: number;
}

/** Draws a chart; the same option gives the same bytes. */
export function renderSvg(option: EChartsCoreOption, { title, width, height }: Picture): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: FONT, color: INK.text }, ...option });
    return finish(chart.renderToSVGString(), title);
  } finally {
    chart.dispose();
  }
}

function finish(svg: string, title: string): string {
  const scope = `chart-${slug(title)}`;
  return `${svg
    .replace(/<style[\s\S]*?<\/style>/, '')
    .replaceAll(/ (class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="\w+")/g, '')
    .replaceAll('dominant-baseline="central"', 'dy="0.35em"') // not every viewer knows the former
    .replaceAll(/\bzr\d+-(\w+)/g, `${scope}-$1`)
    .replace('<svg ', `<svg class="${scope}" role="img" `)
    .replace(/>/, `>\n<title>${escapeXml(title)}</title>\n${style(scope)}`)
    .trim()}\n`;
}

/** On a dark page each colour is replaced by its counterpart; attribute selectors win over presentation attributes. */
function style(scope: string): string {
  const rules = Object.entries(DARK).flatMap(([light, dark]) => [
    `.${scope} [fill="${light}"] { fill: ${dark}; }`,
    `.${scope} [stroke="${light}"] { stroke: ${dark}; }`,
  ]);
  return `<style>\n@media (prefers-color-scheme: dark) {\n${rules.join('\n')}\n}\n</style>`;
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
