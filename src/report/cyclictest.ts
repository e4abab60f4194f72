/**
 * A recorder's samples as cyclictest would have written them: the text of `-h N` and the file of `--json`, for the scripts that read those.
 */
import type { ThreadSamples } from '../results/result.js';

/** cyclictest starts its minimum here, and prints it for a thread without samples. */
const NO_MINIMUM_US = 1_000_000;

/** Simulated runs all begin at this instant: 2000-01-01T00:00:00Z. */
const EPOCH_MS = 946_684_800_000;

/** The histogram text of `cyclictest -h N`, where N is the threads' number of bins. Cycle numbers of overflows are not kept. */
export function histogramText(threads: readonly ThreadSamples[]): string {
  const bins = Math.max(0, ...threads.map((thread) => thread.microseconds.length));
  const lines = ['# Histogram'];
  for (let us = 0; us < bins; us++)
    lines.push(`${padded(us, 6)} ${threads.map((thread) => padded(thread.microseconds[us] ?? 0, 6)).join('\t')}`);
  const footer = (title: string, digits: number, figure: (thread: ThreadSamples) => number) =>
    lines.push([`# ${title}:`, ...threads.map((thread) => padded(figure(thread), digits))].join(' '));
  footer('Total', 9, binned);
  footer('Min Latencies', 5, (thread) => (thread.count > 0 ? thread.minUs : NO_MINIMUM_US));
  footer('Avg Latencies', 5, (thread) => (thread.count > 0 ? Math.trunc(thread.sumUs / thread.count) : 0));
  footer('Max Latencies', 5, (thread) => (thread.count > 0 ? thread.maxUs : 0));
  footer('Histogram Overflows', 5, overflows);
  lines.push('# Histogram Overflow at cycle number:');
  for (const [i, thread] of threads.entries())
    lines.push(`# Thread ${i}:${overflows(thread) > 0 ? ` # ${padded(overflows(thread), 5)} others` : ''}`);
  return `${lines.join('\n')}\n\n`;
}

/** What the JSON file says of the run besides its samples. */
export interface CyclictestRun {
  /** Printed as the command line. */
  command: string;
  /** Names of the kernel and machine presets. */
  kernel: string;
  machine: string;
  durationNs: number;
  /** The CPU that thread i is pinned to; null: not pinned. */
  cpus: readonly number[] | null;
}

/**
 * The file of `cyclictest --json`, times in microseconds. As in the original, samples beyond the last bin are in `cycles` only, and two keys end
 * with a colon.
 */
export function cyclictestJson(threads: readonly ThreadSamples[], run: CyclictestRun): string {
  const [, release] = /^linux-(.+)$/.exec(run.kernel) ?? [];
  const file = {
    file_version: 1,
    'cmdline:': run.command,
    'rt_test_version:': '2.40',
    start_time: mailDate(EPOCH_MS),
    end_time: mailDate(EPOCH_MS + run.durationNs / 1e6),
    return_code: 0,
    sysinfo: {
      sysname: 'Linux',
      nodename: 'kpbench',
      release: release ?? run.kernel,
      version: 'simulated',
      machine: run.machine,
      realtime: 0,
    },
    num_threads: threads.length,
    resolution_in_ns: 0,
    thread: Object.fromEntries(
      threads.map((thread, i) => [String(i), jsonThread(thread, run.cpus?.[i % run.cpus.length] ?? -1)]),
    ),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function jsonThread(thread: ThreadSamples, cpu: number) {
  const bins = [...thread.microseconds.entries()].filter(([, count]) => count > 0);
  return {
    histogram: Object.fromEntries(bins.map(([us, count]) => [String(us), count])),
    cycles: thread.count,
    min: thread.count > 0 ? thread.minUs : NO_MINIMUM_US,
    max: thread.count > 0 ? thread.maxUs : 0,
    avg: thread.count > 0 ? Number((thread.sumUs / thread.count).toFixed(2)) : 0,
    cpu,
    node: -1,
  };
}

function binned(thread: ThreadSamples): number {
  return thread.microseconds.reduce((a, b) => a + b, 0);
}

function overflows(thread: ThreadSamples): number {
  return thread.count - binned(thread);
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** RFC 2822: `Sat, 01 Jan 2000 00:00:00 +0000`. */
function mailDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
