/**
 * Figures as people read them: microseconds up to 9,999, then milliseconds, then seconds, with three or four significant digits.
 */

/** A length of time with its unit: `2.58 µs`, `66.4 µs`, `3,912 µs`, `15.95 ms`, `12.40 s`; `–` if it was not measured. */
export function humanTime(us: number | null): string {
  if (us === null) return '–';
  if (us < 9_999.5) return `${threeDigits(us)} µs`;
  if (us < 9_999_500) return `${fourDigits(us / 1e3)} ms`;
  return `${fourDigits(us / 1e6)} s`;
}

/** A duration given in nanoseconds, with its unit. */
export function humanNs(ns: number): string {
  return humanTime(ns / 1000);
}

/** A whole number with thousands separators: `60,000`. */
export function humanCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** Any number, short: thousands separators, six significant digits, millions from 100 million on. */
export function humanNumber(value: number): string {
  if (Math.abs(value) >= 1e8) return `${humanNumber(Number((value / 1e6).toPrecision(5)))} M`;
  return String(Number(value.toPrecision(6))).replace(/\d+/, (whole) => humanCount(Number(whole)));
}

/** A percentage that never rounds something to nothing: `0`, `<0.001`, `0.280`, `28.0`; `–` if it was not measured. */
export function humanPercent(pct: number | null): string {
  if (pct === null) return '–';
  if (pct === 0) return '0 %';
  if (pct < 0.0005) return '<.001 %';
  return `${pct < 10 ? pct.toFixed(3) : pct.toFixed(1)} %`;
}

/** How many times the reference: `1.42×`, `137×`, and `1/137` below one. */
export function humanRatio(value: number, reference: number): string {
  const ratio = value / reference;
  if (!Number.isFinite(ratio) || ratio <= 0) return '–';
  return ratio > 0.995 ? `${ratioDigits(ratio)}×` : `1/${ratioDigits(1 / ratio)}`;
}

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : humanCount(Math.round(value));
}

function fourDigits(value: number): string {
  if (value < 99.995) return value.toFixed(2);
  return value < 999.95 ? value.toFixed(1) : humanCount(Math.round(value));
}

function ratioDigits(ratio: number): string {
  if (ratio < 9.995) return ratio.toFixed(2);
  return ratio < 99.95 ? ratio.toFixed(1) : humanCount(Math.round(ratio));
}
