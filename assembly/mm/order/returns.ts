/**
 * Places of pages on their way back: what is freed waits on a CPU's list, and goes to its zone by batches, the oldest first; the youngest are taken again
 * (mm/page_alloc.c free_unref_page_commit, free_pcppages_bulk).
 */
import { allocateArray, at } from '../../base/arena';
import { mm } from '../mm';
import { pcpOf, Zone } from '../zone';
import { giveBlock, givePage, NO_PLACE } from './blocks';

/** Neighbours that were freed one after another. */
@unmanaged
class Run {
  place: u32;
  pages: u32;
}

/** Runs that are told apart. What comes when there are more has no place: assumption. */
const MOST_RUNS: u32 = 64;

/** A zone's runs, a ring. */
@unmanaged
export class Returns {
  runs: usize;
  oldest: u32;
  count: u32;
  pages: u32;
}

export function newReturns(r: Returns): void {
  r.runs = allocateArray<Run>(MOST_RUNS);
}

function runAt(r: Returns, index: u32): Run {
  return at<Run>(r.runs, (r.oldest + index) % MOST_RUNS);
}

/** Pages have been freed, side by side from a place on. */
export function noteFreed(zone: Zone, place: u32, pages: u32): void {
  const r = zone.returns;
  r.pages += pages;
  if (r.count != 0) {
    const last = runAt(r, r.count - 1);
    const follows = place == NO_PLACE ? last.place == NO_PLACE : last.place + last.pages == place;
    if (follows || r.count == MOST_RUNS) {
      if (!follows) last.place = NO_PLACE;
      last.pages += pages;
      return;
    }
  }
  const run = runAt(r, r.count++);
  run.place = place;
  run.pages = pages;
}

/** Pages have gone from a CPU's list to the zone. */
export function comeBack(zone: Zone, pages: u32): void {
  const r = zone.returns;
  forgetTaken(zone, r, pages);
  let left = pages;
  while (left != 0 && r.count != 0) {
    const run = runAt(r, 0);
    const n = min(left, run.pages);
    for (let i: u32 = 0; i < n; i++) givePage(zone.blocks, run.place == NO_PLACE ? NO_PLACE : run.place + i);
    if (run.place != NO_PLACE) run.place += n;
    run.pages -= n;
    r.pages -= n;
    left -= n;
    if (run.pages != 0) break;
    r.oldest = (r.oldest + 1) % MOST_RUNS;
    r.count--;
  }
  for (; left != 0; left--) giveBlock(zone.blocks, 0);
}

/** More pages are noted than the lists held: the youngest have been taken again. */
function forgetTaken(zone: Zone, r: Returns, gone: u32): void {
  let held = gone;
  for (let cpu: u32 = 0; cpu < mm.nrCpus; cpu++) held += pcpOf(zone, cpu).count + pcpOf(zone, cpu).others;
  while (r.pages > held) {
    const last = runAt(r, r.count - 1);
    const n = min(r.pages - held, last.pages);
    last.pages -= n;
    r.pages -= n;
    if (last.pages == 0) r.count--;
  }
}
