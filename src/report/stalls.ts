/** What a task did for memory while a sample of it was taken: reclaim of its own, and sleeps for pages. */
import type { Blocked, TraceEvent } from '../results/result.js';
import { humanNs } from './units.js';

/** One reclaim, or one sleep. */
export interface Stall {
  what: 'reclaim' | Blocked;
  /** Reclaim: the group that pays; null: the whole machine. */
  group: string | null;
  /** Reclaim: what it freed. */
  pages: number;
  cpu: number;
  fromNs: number;
  toNs: number;
}

/** The task's stalls between two instants; one that has begun before is cut there. */
export function stallsOf(events: readonly TraceEvent[], task: string, fromNs: number, toNs: number): Stall[] {
  const stalls: Stall[] = [];
  let open: Stall | null = null;
  const close = (atNs: number, pages: number): void => {
    if (open !== null && atNs > Math.max(open.fromNs, fromNs))
      stalls.push({ ...open, pages, fromNs: Math.max(open.fromNs, fromNs), toNs: Math.min(atNs, toNs) });
    open = null;
  };
  for (const e of events) {
    if (e.at > toNs) break;
    if (!('task' in e) || e.task !== task) continue;
    const begun = { group: null, pages: 0, cpu: e.cpu, fromNs: e.at, toNs };
    if (e.event === 'reclaim' && e.begins) open = { ...begun, what: 'reclaim', group: e.group };
    else if (e.event === 'reclaim') close(e.at, e.pages);
    else if (e.event === 'blocked') open = { ...begun, what: e.on };
    else if (e.event === 'wakeup' && (open as Stall | null)?.what !== 'reclaim') close(e.at, 0);
  }
  return stalls;
}

/** What a sleep is for, behind “sleeps”. */
export const SLEEPS: Record<Blocked, string> = {
  page: 'for pages on their way from a device',
  high: 'above memory.high',
  speed: 'because its group allocates too fast',
  dirty: 'because too many pages were dirty',
  device: 'until the device took another request',
};

/** What the stalls were, one sentence a kind; of a reclaim, the time that the task waited for a CPU meanwhile is none of it. */
export function stallSentences(task: string, stalls: readonly Stall[], waitedNs: (stall: Stall) => number): string[] {
  const kinds = new Map<string, Stall[]>();
  for (const stall of stalls) {
    const kind = `${stall.what} ${stall.group}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), stall]);
  }
  return [...kinds.values()].map((alike) => {
    const [{ what, group }] = alike as [Stall];
    const ns = alike.reduce((sum, stall) => sum + stallNs(stall, waitedNs), 0);
    const times = alike.length === 1 ? 'once' : `${alike.length} times`;
    if (what !== 'reclaim') return `${task} slept ${humanNs(ns)} ${SLEEPS[what]}, ${times}`;
    const pages = alike.reduce((sum, stall) => sum + stall.pages, 0);
    const whose = group === null ? 'pages of all groups' : `pages of group ${group}`;
    return `${task} reclaimed ${whose} for ${humanNs(ns)}, ${times}, and got ${pages}`;
  });
}

/** How long a stall was, without the time that its task waited for a CPU. */
export function stallNs(stall: Stall, waitedNs: (stall: Stall) => number): number {
  return stall.toNs - stall.fromNs - (stall.what === 'reclaim' ? waitedNs(stall) : 0);
}
