/**
 * The first moments of a recorded case, recorded above simulated: one SVG.
 */
import { simulate } from '../kernel/simulation.js';
import { type Lane, lanesSvg } from '../report/lanes.js';
import type { Kernel, Machine } from '../scenario/scenario.js';
import type { Recording } from './recordings.js';
import { replayInput, withLags } from './replay_input.js';
import { scenarioOf } from './scenario.js';

const WINDOW_NS = 200e6;
const NS_PER_MS = 1e6;
const MOST_LANES = 24;
const TRACE_CAPACITY = 200_000;

/** File name and SVG of a recording; null without a trace, or if its scenario cannot be simulated. */
export function picture(
  recording: Recording,
  dataDir: string,
  machine: Machine,
  kernel: Kernel,
  seed: number,
): [file: string, svg: string] | null {
  const { entry } = recording;
  const input = replayInput(recording, dataDir, machine, kernel);
  const mapping = scenarioOf(withLags(recording, input), machine, kernel);
  if (typeof input === 'string' || 'unsupported' in mapping) return null;
  const { trace } = input;
  const { scenario } = mapping;
  const recorded = trace.events.flatMap((e) =>
    e.event === 'switch' ? [{ atNs: e.atNs, cpu: e.cpu, prev: e.prev.name, next: e.next.name }] : [],
  );
  const result = simulate(scenario, seed, { trace: { fromNs: 0, toNs: WINDOW_NS, capacity: TRACE_CAPACITY } });
  const simulated = result.trace.flatMap((e) =>
    e.event === 'switch' ? [{ atNs: e.at, cpu: e.cpu, prev: e.prev, next: e.next }] : [],
  );
  const names = scenario.tasks.flatMap(({ name, start }) => (name.startsWith('~') || start === 'fork' ? [] : [name]));
  const lanes: Lane[] = names.slice(0, MOST_LANES).map((name) => ({
    name,
    recorded: runsOf(recorded, name),
    simulated: runsOf(simulated, name),
  }));
  const title = `${entry.case} on ${entry.kernel}, ${entry.label}: recorded above simulated`;
  return [`${entry.label}-${entry.case}.svg`, lanesSvg(title, lanes, WINDOW_NS / NS_PER_MS)];
}

interface Switch {
  atNs: number;
  cpu: number;
  prev: string;
  next: string;
}

/** When a task ran within the window, in ms. */
function runsOf(switches: readonly Switch[], name: string): Array<[number, number]> {
  const runs: Array<[number, number]> = [];
  let begin: number | null = null;
  for (const { atNs, prev, next } of switches) {
    if (atNs > WINDOW_NS) break;
    if (prev === name && begin !== null) {
      runs.push([begin / NS_PER_MS, atNs / NS_PER_MS]);
      begin = null;
    }
    if (next === name) begin = atNs;
  }
  if (begin !== null) runs.push([begin / NS_PER_MS, WINDOW_NS / NS_PER_MS]);
  return runs;
}
