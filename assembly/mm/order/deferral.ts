/** Compaction of a zone is put off after failures, each time twice as long (mm/compaction.c defer_compaction, compaction_deferred, compaction_defer_reset). */
@unmanaged
export class Deferral {
  /** Requests since it failed last, how many are put off (2^shift), and the least order that has failed. */
  considered: u32;
  shift: u32;
  order: u32;
}

/** COMPACT_MAX_DEFER_SHIFT */
const MAX_DEFER_SHIFT: u32 = 6;

/** Whether this request does without. */
export function isDeferred(d: Deferral, order: u32): bool {
  if (order < d.order || d.shift == 0) return false;
  return ++d.considered < 1 << d.shift;
}

export function defer(d: Deferral, order: u32): void {
  d.considered = 0;
  d.order = min(d.order, order);
  d.shift = min(d.shift + 1, MAX_DEFER_SHIFT);
}

/** There is a block of the order. */
export function succeed(d: Deferral, order: u32): void {
  d.considered = 0;
  d.shift = 0;
  d.order = max(d.order, order + 1);
}
