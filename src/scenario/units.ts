/** Durations as people write them: a number and a unit. */

const UNITS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 60e9 } as const;

/** The longest duration: 2⁵³ ns, 104 days, what a number holds exactly. */
export const LONGEST_NS = 2 ** 53;

/** `250us`, `1.5ms`, `60s`, `2min` or `0` in whole ns; null if it is none of these or out of range. */
export function parseDuration(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ns|us|ms|s|min)$/.exec(text.trim()) ?? [];
  if (number === undefined) return text.trim() === '0' ? 0 : null;
  const ns = Math.round(Number(number) * UNITS[unit as keyof typeof UNITS]);
  return ns <= LONGEST_NS ? ns : null;
}

/** A length of whole ns as `parseDuration` reads it back, in the largest of s, ms, us and ns of which it is one or more. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0';
  const texts = (['s', 'ms', 'us'] as const)
    .filter((unit) => ns >= UNITS[unit])
    .map((unit) => `${ns / UNITS[unit]}${unit}`);
  // A quotient of more digits than a number holds would come back as another.
  return texts.find((text) => parseDuration(text) === ns) ?? `${ns}ns`;
}

const SIZES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** `64MiB` in whole bytes; null if it is no size. */
export function parseSize(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|TiB)$/.exec(text.trim()) ?? [];
  if (number === undefined) return null;
  const bytes = Number(number) * SIZES[unit as keyof typeof SIZES];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `0-3,8` as ascending CPU numbers; null if it is malformed. */
export function parseCpuList(text: string): number[] | null {
  const cpus = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (first === undefined) return null;
    const to = Number(last ?? first);
    if (to < Number(first) || to > 1e6) return null;
    for (let cpu = Number(first); cpu <= to; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}
