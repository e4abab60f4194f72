/**
 * The story of one bad sample: what happened on its CPU while a task waited for it or for memory, as text, and in a sentence or two who is to blame.
 */
import chalk from 'chalk';
import type { TraceEvent } from '../results/result.js';
import { SLEEPS, type Stall, stallNs, stallSentences, stallsOf } from './stalls.js';
import { TERMINAL_COLUMNS } from './table.js';
import { humanNs } from './units.js';

/** Where to look. */
export interface TimelineFocus {
  /** When the sample was recorded, or any instant from the wakeup on. */
  aroundNs: number;
  /** The task that waited, as the trace names it. */
  task: string;
  /** Show this CPU's events beside the task's own; null: the CPUs that it waited on. */
  cpu: number | null;
  /** The host's thread of the guest's CPU that the task is on, if it is in a guest: the task waits whenever that thread does. */
  thread?: string;
}

/** A time during which the task could run and did not, on one CPU. */
interface Wait {
  cpu: number;
  fromNs: number;
  toNs: number;
}

/** What had a CPU instead of the task, and for how long. */
interface Holder {
  what: string;
  ns: number;
}

const MOST_LINES = 40;
const MOST_HOLDERS = 5;
/** So much is shown before and after the wait itself. */
const MARGIN_EVENTS = 3;

/** The timeline around a sample, then the verdict. Times relative to the begin of the first wait or stall, lines of at most 80 columns. */
export function timeline(events: readonly TraceEvent[], focus: TimelineFocus): string {
  const who = waiters(focus);
  const waits = who.flatMap((one) => [...waitsOf(events, focus, one), ...stallsIn(events, focus, one)]);
  const [first, last] = [waits.sort((a, b) => a.fromNs - b.fromNs)[0], waits.at(-1)];
  if (first === undefined || last === undefined) return `${wrap(verdict(events, focus))}\n`;
  const cpus = new Set(focus.cpu === null ? waits.map((wait) => wait.cpu) : [focus.cpu]);
  const relevant = events.filter((event) => cpus.has(event.cpu) || who.some((one) => concerns(event, one)));
  const begin = relevant.findIndex((event) => event.at >= first.fromNs);
  const end = relevant.findLastIndex((event) => event.at <= Math.max(last.toNs, focus.aroundNs));
  const shown = relevant.slice(Math.max(0, begin - MARGIN_EVENTS), end + 1 + MARGIN_EVENTS);
  const lines = shown.map((event) => eventLine(event, first.fromNs, who));
  return `${[...shorten(lines), '', wrap(verdict(events, focus))].join('\n')}\n`;
}

/** Whose waits make the task late. */
function waiters({ task, thread }: TimelineFocus): string[] {
  return thread === undefined ? [task] : [thread, task];
}

/**
 * How long the task, and before it the thread of its guest's CPU, waited before the sample and who had the CPU meanwhile, the longest first; what it
 * did for memory; and how much of the sample was neither, where that is most of it.
 */
export function verdict(events: readonly TraceEvent[], focus: TimelineFocus): string {
  const found = waiters(focus).map((who) => ({
    who,
    waits: waitsOf(events, focus, who),
    stalls: stallsIn(events, focus, who),
  }));
  const sentences: string[] = [];
  let waitedNs = 0;
  for (const { who, waits, stalls } of found) {
    const waitedIn = ({ fromNs, toNs }: Stall) => overlap(waits, fromNs, toNs);
    if (waits.length > 0) sentences.push(sentence(events, who, waits));
    sentences.push(...stallSentences(who, stalls, waitedIn));
    waitedNs += lengthOf(waits) + stalls.reduce((sum, stall) => sum + stallNs(stall, waitedIn), 0);
  }
  const record = recordOf(events, focus);
  const restNs = record === undefined ? 0 : record.latencyNs - waitedNs;
  if (sentences.length === 0) {
    sentences.push(`${focus.task}: the trace does not hold a wait before this sample`);
  } else if (restNs > waitedNs) {
    sentences.push(`the other ${humanNs(restNs)} were its own work, timer slack, interrupts and kernel code`);
  }
  return sentences.join('; ');
}

const lengthOf = (waits: readonly Wait[]): number => waits.reduce((sum, wait) => sum + wait.toNs - wait.fromNs, 0);

/** How much of the waits lies between two instants. */
function overlap(waits: readonly Wait[], fromNs: number, toNs: number): number {
  return waits.reduce((sum, wait) => sum + Math.max(0, Math.min(wait.toNs, toNs) - Math.max(wait.fromNs, fromNs)), 0);
}

/** What a task did for memory within the recorded latency; nothing if the trace does not hold its record. */
function stallsIn(events: readonly TraceEvent[], focus: TimelineFocus, task: string): Stall[] {
  const record = recordOf(events, focus);
  return record === undefined ? [] : stallsOf(events, task, record.at - record.latencyNs, record.at);
}

function sentence(events: readonly TraceEvent[], who: string, waits: readonly Wait[]): string {
  const holders = new Map<string, number>();
  for (const wait of waits)
    for (const { what, ns } of holdersOf(events, wait)) holders.set(what, (holders.get(what) ?? 0) + ns);
  const parts = [...holders]
    .filter(([, ns]) => ns > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([what, ns]) => `${what} ${humanNs(ns)}`);
  const others = parts.splice(MOST_HOLDERS).length;
  if (others > 0) parts.push(`and ${others} others`);
  const cpus = [...new Set(waits.map((wait) => wait.cpu))].join(', then ');
  return `${who} waited ${humanNs(lengthOf(waits))} for cpu ${cpus}: ${parts.join('; ') || 'nobody'}`;
}

/** The sample, if the trace holds it: the largest, as steps of one task may be recorded at one instant. */
function recordOf(events: readonly TraceEvent[], { task, aroundNs }: TimelineFocus) {
  let largest: Extract<TraceEvent, { event: 'record' }> | undefined;
  for (const e of events) {
    if (e.event !== 'record' || e.task !== task || e.at !== aroundNs) continue;
    if (largest === undefined || e.latencyNs > largest.latencyNs) largest = e;
  }
  return largest;
}

/**
 * A task's waits for a CPU before the sample: all within the recorded latency if the trace holds its record, otherwise the one after the last
 * wakeup. A wait begins at a wakeup or when the task is switched out runnable, and is split where the task migrates.
 */
function waitsOf(events: readonly TraceEvent[], focus: TimelineFocus, task: string): Wait[] {
  const { aroundNs } = focus;
  const record = recordOf(events, focus);
  const wakeup = events.findLast((e) => e.event === 'wakeup' && e.task === task && e.at <= aroundNs);
  const sinceNs = record === undefined ? (wakeup?.at ?? Number.POSITIVE_INFINITY) : record.at - record.latencyNs;
  const untilNs = record?.at ?? Number.POSITIVE_INFINITY;
  const waits: Wait[] = [];
  let open: { cpu: number; fromNs: number } | null = null;
  for (const e of events) {
    if (e.at > untilNs) break;
    const ends = open !== null && ((e.event === 'switch' && e.next === task) || isMigration(e, task));
    if (open !== null && ends) {
      const fromNs = Math.max(open.fromNs, sinceNs);
      if (e.at > fromNs) waits.push({ cpu: open.cpu, fromNs, toNs: e.at });
      open = isMigration(e, task) ? { cpu: e.to, fromNs: e.at } : null;
      if (record === undefined && open === null && e.at >= aroundNs) break;
    } else if (open === null && e.event === 'wakeup' && e.task === task) open = { cpu: e.target, fromNs: e.at };
    else if (open === null && e.event === 'switch' && e.prev === task && e.prevState.startsWith('R'))
      open = { cpu: e.cpu, fromNs: e.at };
  }
  if (record === undefined) {
    const next = waits.findIndex((wait) => wait.toNs >= sinceNs);
    return next < 0 ? [] : waits.slice(next);
  }
  return waits;
}

function isMigration(e: TraceEvent, task: string): e is Extract<TraceEvent, { event: 'migrate' }> {
  return e.event === 'migrate' && e.task === task;
}

/** Divides a wait among the tasks that were current on its CPU; interrupts are taken out of the task that they interrupted. */
function holdersOf(events: readonly TraceEvent[], { cpu, fromNs, toNs }: Wait): Holder[] {
  const here = events.filter((e) => e.cpu === cpu && e.at <= toNs);
  const switches = here.filter((e) => e.event === 'switch');
  const before = switches.findLast((e) => e.at <= fromNs);
  const inside = switches.filter((e) => e.at > fromNs);
  const holders: Holder[] = [];
  let current = before?.next ?? inside[0]?.prev ?? 'unknown';
  let sinceNs = fromNs;
  const close = (untilNs: number) => {
    let own = untilNs - sinceNs;
    for (const e of here) {
      if (e.event !== 'irq') continue;
      const overlap = Math.max(0, Math.min(e.at + e.lengthNs, untilNs) - Math.max(e.at, sinceNs));
      holders.push({ what: `irq ${e.source}`, ns: overlap });
      own -= overlap;
    }
    holders.push({ what: isIdle(current) ? 'idle' : `${current} ran`, ns: Math.max(0, own) });
  };
  for (const e of inside) {
    close(e.at);
    current = e.next;
    sinceNs = e.at;
  }
  close(toNs);
  return holders;
}

function isIdle(task: string): boolean {
  return /^(.*\/)?(swapper|idle)(\/\d+)?$/.test(task);
}

function concerns(e: TraceEvent, task: string): boolean {
  return (e.event === 'switch' && (e.prev === task || e.next === task)) || ('task' in e && e.task === task);
}

function eventLine(e: TraceEvent, originNs: number, who: readonly string[]): string {
  const time = `${e.at < originNs ? '−' : '+'}${grouped(Math.abs(e.at - originNs) / 1000)}`;
  const plain = `${time.padStart(13)} µs  cpu${String(e.cpu).padEnd(3)} ${e.event.padEnd(8)} ${describe(e)}`;
  const line = [...plain].length > TERMINAL_COLUMNS ? `${[...plain].slice(0, TERMINAL_COLUMNS - 1).join('')}…` : plain;
  if (who.some((one) => concerns(e, one))) return chalk.bold.yellow(line);
  return e.event === 'irq' || e.event === 'throttle' ? chalk.magenta(line) : line;
}

/** What keeps a CPU from rescheduling at a wakeup. */
const HELD = { kernel: 'kernel code', softirq: 'a softirq' } as const;

function describe(e: TraceEvent): string {
  switch (e.event) {
    case 'switch':
      return `${e.prev} (${e.prevState}) → ${e.next}`;
    case 'waking':
      return `${e.task} on cpu ${e.target}`;
    case 'wakeup':
      return `${e.task} on cpu ${e.target}${e.held === null ? '' : `, held up by ${HELD[e.held]}`}`;
    case 'migrate':
      return `${e.task} from cpu ${e.from} to cpu ${e.to}`;
    case 'irq':
      return `${e.source} for ${humanNs(e.lengthNs)}`;
    case 'throttle':
      return e.what;
    case 'record':
      return `${e.task} ${e.recorder} = ${humanNs(e.latencyNs)}`;
    case 'oom':
      return `${e.task} is killed: out of memory`;
    case 'reclaim':
      return `${e.task} ${e.begins ? 'begins to reclaim' : `has reclaimed ${e.pages} pages`}${e.group === null ? '' : ` of ${e.group}`}`;
    case 'blocked':
      return `${e.task} sleeps ${SLEEPS[e.on]}`;
  }
}

/** Leaves the middle out of a long list. */
function shorten(lines: readonly string[]): string[] {
  if (lines.length <= MOST_LINES) return [...lines];
  const half = MOST_LINES / 2;
  const hidden = lines.length - MOST_LINES;
  return [...lines.slice(0, half), chalk.dim(`              … ${hidden} more events …`), ...lines.slice(-half)];
}

/** Breaks a sentence into lines at spaces. */
function wrap(sentence: string): string {
  const lines = [''];
  for (const word of sentence.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if ([...longer].length <= TERMINAL_COLUMNS) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** Microseconds with three decimals and thousands separators. */
function grouped(us: number): string {
  return us.toFixed(3).replaceAll(/\B(?=(\d{3})+\.)/g, ',');
}
