/**
 * Free pages of a zone in blocks of 2^order: the smallest that is large enough is taken and split, and what comes back merges with its buddy (mm/page_alloc.c
 * __rmqueue_smallest, expand, __free_one_page).
 *
 * Blocks are counted, not placed. Assumptions: pages taken one after another from one block lie side by side, and have places that tell so; a page that comes
 * back right behind its neighbour merges with it as their places allow. Of any other, nothing is known but that it lies somewhere: the chance that its buddy
 * is free is the share of free ones among all places of a block of its size, and as often as that it merges.
 */
import { allocateBytes } from '../../base/arena';

/** The largest order (MAX_ORDER − 1 of 6.1). */
export const LARGEST_ORDER: u32 = 10;
/** A page of which nothing is known. */
export const NO_PLACE: u32 = 0;
/** Smaller blocks are what is left between pages in use: what comes from them has no place. Assumption: the window that readahead reads at a time. */
const LEAST_RUN_ORDER: u32 = 5;

@unmanaged
export class Blocks {
  /** Pages of the zone. */
  managed: u64;
  /** Orders of which there is a block, one bit each. */
  filled: u32;
  /** Pages left of the block that is being split, whose bits are the orders of its pieces, and the place of the first of them. */
  splitting: u32;
  place: u32;
  /** Places up to here have been given. */
  fresh: u32;
  /** Pages of the last batch that are still to get a place: those without any, and two runs. */
  loose: u32;
  firstLeft: u32;
  firstPlace: u32;
  secondLeft: u32;
  secondPlace: u32;
  /** The place that came back last, and the orders of the blocks that it and those before it make. */
  lastBack: u32;
  run: u32;
  /** Address of u32[orders], and of f64[orders]: how much of a merge has come together by chance. */
  counts: usize;
  chances: usize;
}

/** Lays out a zone whose pages are all free. */
export function layOut(b: Blocks, managed: u64): void {
  b.managed = managed;
  b.counts = allocateBytes((LARGEST_ORDER + 1) << 2);
  b.chances = allocateBytes((LARGEST_ORDER + 1) << 3);
  b.fresh = 1;
  add(b, LARGEST_ORDER, <i32>(managed >> LARGEST_ORDER));
  addPieces(b, <u32>managed & ((1 << LARGEST_ORDER) - 1));
}

export function blocksOf(b: Blocks, order: u32): u32 {
  return load<u32>(b.counts + (order << 2));
}

/** Some block is at least so large. */
export function hasBlock(b: Blocks, order: u32): bool {
  return b.filled >> order != 0;
}

/** Pages in blocks of orders `from` … `to` − 1. */
export function pagesIn(b: Blocks, from: u32, to: u32): u64 {
  let pages: u64 = 0;
  for (let order = from; order < to; order++) pages += (<u64>blocksOf(b, order)) << order;
  return pages;
}

export function add(b: Blocks, order: u32, n: i32): void {
  const left = <i32>blocksOf(b, order) + n;
  assert(left >= 0);
  store<u32>(b.counts + (order << 2), left);
  if (left != 0) {
    b.filled |= 1 << order;
    return;
  }
  b.filled &= ~(1 << order);
  // Its pieces have been merged, or taken.
  if ((b.splitting >> order) & 1) b.splitting = 0;
}

/** What is left of a block: a piece for each bit. */
export function addPieces(b: Blocks, pages: u32): void {
  for (let left = pages; left != 0; left &= left - 1) add(b, ctz(left), 1);
}

/** A batch of single pages leaves the smallest blocks (rmqueue_bulk). */
export function takePages(b: Blocks, pages: u32): void {
  b.loose = 0;
  b.firstLeft = 0;
  b.secondLeft = 0;
  for (let left = pages; left != 0; ) {
    const order = ctz(b.filled);
    const size: u32 = 1 << order;
    if ((b.splitting & (2 * size - 1)) != size) {
      if (order < LEAST_RUN_ORDER) {
        const n = min(blocksOf(b, order), max(left >> order, 1));
        const taken = min(left, n << order);
        add(b, order, -(<i32>n));
        addPieces(b, (n << order) - taken);
        b.loose += taken;
        left -= taken;
        continue;
      }
      b.splitting = size;
      b.place = freshPlace(b, order);
    }
    const taken = min(left, size);
    const rest = b.splitting - taken;
    b.splitting = 0;
    add(b, order, -1);
    addPieces(b, size - taken);
    b.splitting = rest;
    if (b.firstLeft == 0 || b.firstPlace + b.firstLeft == b.place) {
      if (b.firstLeft == 0) b.firstPlace = b.place;
      b.firstLeft += taken;
    } else {
      if (b.secondLeft == 0) b.secondPlace = b.place;
      b.secondLeft += taken;
    }
    b.place += taken;
    left -= taken;
  }
}

/** A place for a block of its own. Its buddy's is left out, so that the two never merge as neighbours. */
export function freshPlace(b: Blocks, order: u32): u32 {
  const both: u32 = 2 << order;
  const place = (b.fresh + both - 1) & ~(both - 1);
  b.fresh = place + (1 << order);
  return place;
}

/** The place of the next page of the last batch. */
export function nextPlace(b: Blocks): u32 {
  if (b.loose != 0) {
    b.loose--;
    return NO_PLACE;
  }
  if (b.firstLeft != 0) {
    b.firstLeft--;
    return b.firstPlace++;
  }
  if (b.secondLeft == 0) return NO_PLACE;
  b.secondLeft--;
  return b.secondPlace++;
}

/** A block leaves, split off a larger one if need be; the next of its size comes from right behind it. Its place, or NO_PLACE: there is none. */
export function takeBlock(b: Blocks, order: u32): u32 {
  const larger = (b.filled >> order) << order;
  if (larger == 0) return NO_PLACE;
  const found = ctz(larger);
  const whole: u32 = 1 << found;
  const size: u32 = 1 << order;
  if (b.splitting == 0 && found > order) {
    b.splitting = whole;
    b.place = freshPlace(b, found);
  }
  const splitting = b.splitting;
  const follows = (splitting & (2 * whole - 1)) == whole;
  b.splitting = 0;
  add(b, found, -1);
  addPieces(b, whole - size);
  if (follows) b.splitting = splitting - size;
  else b.splitting = blocksOf(b, found) != 0 ? splitting : splitting & ~whole;
  if (!follows) return freshPlace(b, order);
  const place = b.place;
  b.place += size;
  return place;
}

/** A block of which nothing else is known comes back, and merges with its buddy as often as that is free. */
export function giveBlock(b: Blocks, order: u32): void {
  let above = pagesIn(b, order + 1, LARGEST_ORDER + 1);
  let merged = order;
  while (merged < LARGEST_ORDER && blocksOf(b, merged) != 0) {
    const others = max((b.managed - above) >> merged, 2) - 1;
    const address = b.chances + (merged << 3);
    const chance = load<f64>(address) + <f64>blocksOf(b, merged) / <f64>others;
    store<f64>(address, chance < 1 ? chance : chance - 1);
    if (chance < 1) break;
    add(b, merged, -1);
    merged++;
    above -= (<u64>blocksOf(b, merged)) << merged;
  }
  add(b, merged, 1);
}

/** A block comes back from its place. */
export function giveBack(b: Blocks, order: u32, place: u32): void {
  for (let page = place; page < place + (1 << order); page++) givePage(b, page);
}

/** A page comes back from its place. */
export function givePage(b: Blocks, place: u32): void {
  if (place == NO_PLACE) {
    giveBlock(b, 0);
    return;
  }
  if (place != b.lastBack + 1) b.run = 0;
  b.lastBack = place;
  let order: u32 = 0;
  while (order < LARGEST_ORDER && ((place & b.run) >> order) & 1 && blocksOf(b, order) != 0) {
    b.run &= ~(1 << order);
    add(b, order, -1);
    order++;
  }
  if (order < LARGEST_ORDER && (place >> order) & 1) {
    // The lower half came back at another time.
    b.run &= ~((2 << order) - 1);
    giveBlock(b, order);
  } else {
    b.run |= 1 << order;
    add(b, order, 1);
  }
}

/** `pages` move from blocks below an order into one of that order: what compaction makes of them. */
export function gather(b: Blocks, order: u32): void {
  let left: u32 = 1 << order;
  for (let small: u32 = 0; small < order && left != 0; small++) {
    const n = min(blocksOf(b, small), (left + (1 << small) - 1) >> small);
    if (n == 0) continue;
    const taken = min(left, n << small);
    add(b, small, -(<i32>n));
    addPieces(b, (n << small) - taken);
    left -= taken;
  }
  assert(left == 0);
  add(b, order, 1);
}
