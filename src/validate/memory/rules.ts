/**
 * What is compared of a recorded memory case, and how far apart it may lie: fixed before any result was looked at. Where the two boots of a case
 * differ, its tolerance is wider by as much.
 */

/** How one figure is judged. */
export interface MemoryRule {
  title: string;
  figure: 'memory';
  gating: boolean;
  /** So many on either side, or the figure says nothing. */
  minSamples: number;
  tolerance: (recorded: number) => number;
}

/** Pages fewer than these, and events fewer than these, are the machine's own. */
const FEW_PAGES = 100;
const FEW_EVENTS = 10;

const share = (title: string, part: number, minSamples: number): MemoryRule => ({
  title,
  figure: 'memory',
  gating: false,
  minSamples,
  tolerance: (recorded) => part * recorded,
});
/** An average of pressure: periods of two seconds go into it in whole percents, and where they begin is not known; `one`: what a percent of one makes. */
const percents = (title: string, one: number): MemoryRule => ({
  ...share(title, 0, one),
  tolerance: (recorded) => 0.15 * recorded + one,
});
const exact = (title: string): MemoryRule => share(title, 0, 1);

/** A batch of a per-CPU list, by which free pages come and go, is added where it is known. */
export const MEMORY_RULES = {
  pgscan: share('scanned', 0.1, FEW_PAGES),
  pgsteal: share('stolen', 0.1, FEW_PAGES),
  workingset_refault_file: share('refaults, file', 0.15, FEW_PAGES),
  workingset_refault_anon: share('refaults, anon', 0.15, FEW_PAGES),
  workingset_activate_file: share('refaults activated, file', 0.15, FEW_PAGES),
  workingset_activate_anon: share('refaults activated, anon', 0.15, FEW_PAGES),
  pgactivate: share('activated', 0.15, FEW_PAGES),
  pswpin: share('swapped in', 0.15, FEW_PAGES),
  pswpout: share('swapped out', 0.15, FEW_PAGES),
  kswapd_runs: share('kswapd runs', 0.2, FEW_EVENTS),
  kswapd_wakes_at_pages: share('kswapd wakes at', 0, 1),
  kswapd_stops_at_pages: share('kswapd stops at', 0, 1),
  direct_reclaims: share('direct reclaims', 0.2, FEW_EVENTS),
  memcg_reclaims: share('group reclaims', 0.2, FEW_EVENTS),
  nr_dirtied: share('dirtied', 0.15, FEW_PAGES),
  nr_written: share('written', 0.15, FEW_PAGES),
  written_by_task_pages: share('written by the task', 0.05, FEW_PAGES),
  dirty_level_pages: share('dirty pages, median', 0.15, FEW_EVENTS),
  dirty_balances: share('looks of writers', 0.15, FEW_EVENTS),
  dirty_pauses: share('pauses of writers', 0.15, FEW_EVENTS),
  dirty_paused_ms: share('paused in all', 0.15, FEW_EVENTS),
  thp_fault_alloc: share('huge pages', 0.15, FEW_EVENTS),
  thp_fault_fallback: share('faults without one', 0.15, FEW_EVENTS),
  high_sleeps: exact('sleeps of memory.high'),
  oom_kills: exact('OOM victims in order'),
  operation_p50_ns: share('operation p50', 0.15, FEW_PAGES),
  operation_p99_ns: share('operation p99', 0.3, FEW_PAGES),
  memory_stall_us: share('stalled for memory', 0.15, 1),
  memory_full_us: share('all stalled for memory', 0.15, 1),
  memory_avg10_pct: percents('pressure, avg10', 0.18),
  memory_avg60_pct: percents('pressure, avg60', 0.03),
  memory_avg300_pct: percents('pressure, avg300', 0.01),
  memory_full_avg10_pct: percents('pressure full, avg10', 0.18),
  memory_full_avg60_pct: percents('pressure full, avg60', 0.03),
  memory_full_avg300_pct: percents('pressure full, avg300', 0.01),
} as const;
export type MemoryMetric = keyof typeof MEMORY_RULES;
