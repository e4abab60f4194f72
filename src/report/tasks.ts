/** The table of a scenario's tasks: who had the CPU, and who waited for it. */
import chalk from 'chalk';
import { quantileNs } from '../results/histogram.js';
import type { GuestResult, Result } from '../results/result.js';
import { textTable } from './table.js';
import { humanCount, humanNs, humanPercent } from './units.js';

/** One line a task declaration of one simulation; shares are of one CPU. */
export function taskTable(result: Result): string {
  const seconds = result.durationNs / 1e9;
  const idlePct = (100 * result.cpus.reduce((sum, cpu) => sum + cpu.idleNs, 0)) / result.durationNs;
  const forcedPct = (100 * result.cpus.reduce((sum, cpu) => sum + cpu.forcedIdleNs, 0)) / result.durationNs;
  const rows = result.tasks.map((task) => [
    task.count === 1 ? task.name : `${task.name} ×${task.count}`,
    humanPercent((100 * task.cpuNs) / result.durationNs),
    humanCount(task.wakeups),
    task.wakeupLatency.count > 0 ? humanNs(quantileNs(task.wakeupLatency, 0.5)) : '–',
    task.wakeupLatency.count >= 100 ? humanNs(quantileNs(task.wakeupLatency, 0.99)) : '–',
    task.wakeupLatency.count > 0 ? humanNs(task.wakeupLatency.maxNs) : '–',
    humanCount(task.involuntarySwitches),
    humanCount(task.migrations),
  ]);
  const table = textTable(
    [
      { title: 'task', align: 'left', paint: (cell) => chalk.bold(cell) },
      { title: 'CPU %', align: 'right' },
      { title: 'wakeups', align: 'right' },
      { title: 'latency p50', align: 'right' },
      { title: 'p99', align: 'right' },
      { title: 'max', align: 'right' },
      { title: 'preempted', align: 'right', droppable: 2 },
      { title: 'moved', align: 'right', droppable: 1 },
    ],
    rows,
  );
  const summary = `${seconds} s on ${result.cpus.length} CPU(s), ${humanCount(result.switches)} switches, idle ${humanPercent(idlePct)} of one CPU`;
  const forced = forcedPct > 0 ? `, of it ${humanPercent(forcedPct)} forced` : '';
  const lines = [`${summary}${forced}`, ...result.guests.map((guest) => guestLine(guest, result.durationNs))];
  return `${table}${chalk.dim(lines.join('\n'))}\n`;
}

/** What became of a guest's CPUs, in shares of all of them. */
function guestLine(guest: GuestResult, durationNs: number): string {
  const share = (ns: number): string => humanPercent((100 * ns) / (guest.vcpus * durationNs));
  const { name, vcpus, idleNs, stealNs, hostNs, exits } = guest;
  const exitsPerSecond = humanCount(Math.round(exits / (durationNs / 1e9)));
  return `${name}: ${vcpus} vCPU(s), idle ${share(idleNs)}, stolen ${share(stealNs)}, host's kernel ${share(hostNs)}, ${exitsPerSecond} exits a second`;
}
