/**
 * The base structures on their own: a door for their tests and micro-benchmarks, built into a module apart from the kernel's.
 */
import { allocate, allocateArray, allocateBytes, at } from './base/arena';
import { BUCKETS, bucketOf, Histogram, newHistogram } from './base/histogram';
import { Distribution, nextBits, sample, streamState } from './base/random';
import { RbNode, RbTree, successor } from './base/rbtree';
import { Event, initEvent, newWheel, Wheel } from './base/wheel';
import { positionRatio } from './mm/rue/position';
import { dtc } from './mm/writeback/limits';
import { positionRatio as dirtyRatio } from './mm/writeback/position_ratio';
import { Wb } from './mm/writeback/wb';
import { SchedAvg, updateAverages, updateSums, estimate } from './sched/avg';
import { idleScanFor } from './sched/domain';
import { calcDelta, NICE_0_LOAD, weightOf, wmultOf } from './sched/weight';

let nodes: usize = 0;
let tree: RbTree = changetype<RbTree>(0);
let events: usize = 0;
let wheel: Wheel = changetype<Wheel>(0);
let histogram: Histogram = changetype<Histogram>(0);
let stream: usize = 0;
let size: u32 = 0;
let average: SchedAvg = changetype<SchedAvg>(0);

/** The benchmarks' random numbers, which ours and its peers take in the same order: u32[VALUES], drawn at first use. */
const VALUES: u32 = 1 << 16;
let valueArray: usize = 0;
let valuesTaken: u32 = 0;

/** Space for `count` nodes, events and samples; everything empty. */
export function reset(count: u32, seedLow: u32): void {
  size = count;
  nodes = allocateArray<RbNode>(count);
  tree = changetype<RbTree>(allocateBytes(offsetof<RbTree>()));
  events = allocateArray<Event>(count);
  for (let i: u32 = 0; i < count; i++) initEvent(at<Event>(events, i), 0, 0, i);
  wheel = newWheel();
  histogram = newHistogram();
  stream = allocateBytes(8);
  store<u64>(stream, seedLow);
  average = allocate<SchedAvg>();
}

/** Address of u32[65536] random numbers. */
export function values(): usize {
  if (valueArray == 0) {
    valueArray = allocateBytes(VALUES * 4);
    for (let i: u32 = 0; i < VALUES; i++) store<u32>(valueArray + (i << 2), <u32>(nextBits(stream) >> 32));
  }
  return valueArray;
}

/** The next of `values()`, round and round. */
function nextValue(): u32 {
  return load<u32>(valueArray + ((valuesTaken++ & (VALUES - 1)) << 2));
}

// --- Red-black tree. Keys are the low and high words of a u64.

export function treeInsert(index: u32, low: u32, high: u32): void {
  const node = at<RbNode>(nodes, index);
  node.key = ((<u64>high) << 32) | low;
  tree.insert(node);
}

export function treeErase(index: u32): void {
  tree.erase(at<RbNode>(nodes, index));
}

function indexOf(node: RbNode): i32 {
  return node == null
    ? -1
    : <i32>((changetype<usize>(node) - nodes) / (changetype<usize>(at<RbNode>(nodes, 1)) - nodes));
}

/** The leftmost node, or −1. */
export function treeLeftmost(): i32 {
  return indexOf(tree.leftmost);
}

/** The node behind this one, or −1. */
export function treeSuccessor(index: u32): i32 {
  return indexOf(successor(at<RbNode>(nodes, index)));
}

/** Black height of a valid red-black tree; −1 if a rule is broken. */
export function treeCheck(): i32 {
  const root = tree.root;
  if (root == null) return tree.leftmost == null ? 0 : -1;
  if (root.red || root.parent != null) return -1;
  let leftmost = root;
  while (leftmost.left != null) leftmost = leftmost.left;
  if (tree.leftmost != leftmost) return -1;
  return blackHeight(root);
}

function blackHeight(node: RbNode): i32 {
  if (node == null) return 1;
  const left = node.left;
  const right = node.right;
  if (left != null && (left.parent != node || <i64>(left.key - node.key) > 0 || (node.red && left.red))) return -1;
  if (right != null && (right.parent != node || <i64>(right.key - node.key) < 0 || (node.red && right.red))) return -1;
  const below = blackHeight(left);
  if (below < 0 || below != blackHeight(right)) return -1;
  return below + (node.red ? 0 : 1);
}

/** Fills the tree with random keys. */
export function treeFill(): void {
  values();
  for (let i: u32 = 0; i < size; i++) {
    const node = at<RbNode>(nodes, i);
    node.key = nextValue();
    tree.insert(node);
  }
}

/** Takes the leftmost out and puts it back further right, `rounds` times: what a run queue does. */
export function treeChurn(rounds: u32): u32 {
  for (let i: u32 = 0; i < rounds; i++) {
    const node = tree.leftmost;
    tree.erase(node);
    node.key += nextValue();
    tree.insert(node);
  }
  return indexOf(tree.leftmost);
}

// --- Timing wheel. Times are f64.

export function wheelInsert(index: u32, time: f64): void {
  wheel.insert(at<Event>(events, index), <u64>time);
}

export function wheelRemove(index: u32): void {
  wheel.remove(at<Event>(events, index));
}

/** Queues at a new time, whether it was queued or not. */
export function wheelMove(index: u32, time: f64): void {
  wheel.move(at<Event>(events, index), <u64>time);
}

/** Whether more events wait at the time of the last popped one. */
export function wheelMoreNow(): bool {
  return wheel.moreNow;
}

/** The next event up to `limit`, or −1. */
export function wheelPop(limit: f64): i32 {
  const event = wheel.pop(<u64>limit);
  return event == null ? -1 : <i32>event.index;
}

/** Queues every event within 2²⁴ ns. */
export function wheelFill(): void {
  values();
  for (let i: u32 = 0; i < size; i++) wheel.insert(at<Event>(events, i), nextValue() >> 8);
}

/** Pops the next event and queues it again at a later time, `rounds` times: the hold model. */
export function wheelHold(rounds: u32): f64 {
  for (let i: u32 = 0; i < rounds; i++) {
    const event = wheel.pop(u64.MAX_VALUE)!;
    wheel.insert(event, event.time + (nextValue() >> 8));
  }
  return <f64>wheel.last;
}

// --- Histogram.

/** Index of a value's bucket. */
export function histogramBucket(value: f64): u32 {
  return bucketOf(<u64>value);
}

export function histogramRecord(value: f64): void {
  histogram.record(<u64>value);
}

/** Records the first `rounds` of `values()`, cut to 24 bits: durations of up to 17 ms. */
export function histogramFill(rounds: u32): f64 {
  const end = values() + (min(rounds, VALUES) << 2);
  for (let value = valueArray; value < end; value += 4) histogram.record(load<u32>(value) >> 8);
  return <f64>histogram.count;
}

/** 0 count, 1 sum, 2 min, 3 max. */
export function histogramNumber(what: u32): f64 {
  return <f64>(what == 0 ? histogram.count : what == 1 ? histogram.sum : what == 2 ? histogram.min : histogram.max);
}

/** Count in one bucket. */
export function histogramCount(bucket: u32): u32 {
  return bucket < BUCKETS ? load<u32>(histogram.buckets + (bucket << 2)) : 0;
}

// --- Random streams.

/** Low and high word (`high` 0 or 1) of the next 64 bits, or of the ones last drawn. */
export function randomBits(high: u32): u32 {
  if (high != 0) return <u32>(lastBits >> 32);
  lastBits = nextBits(stream);
  return <u32>lastBits;
}

let lastBits: u64 = 0;

/** Starts the stream of an entity. */
export function randomStream(seed: f64, entity: f64, index: f64): void {
  store<u64>(stream, streamState(<u64>seed, <u64>entity, <u64>index));
}

/** Sets the generator's 64 bits of state. */
export function randomState(low: u32, high: u32): void {
  store<u64>(stream, ((<u64>high) << 32) | low);
}

/** Space for the table of an empirical distribution, `count` f64; returns its address. */
export function randomTable(count: u32): usize {
  tableCount = count;
  table = allocateBytes(count << 3);
  return table;
}

let table: usize = 0;
let tableCount: u32 = 0;

/** A draw of a distribution; the empirical one's is of the table last reserved. */
export function randomSample(kind: u32, a: f64, b: f64, c: f64): f64 {
  if (distribution == null) distribution = changetype<Distribution>(allocateBytes(offsetof<Distribution>()));
  distribution.kind = kind;
  distribution.a = a;
  distribution.b = b;
  distribution.c = c;
  distribution.count = tableCount;
  distribution.values = table;
  return <f64>sample(distribution, stream);
}

let distribution: Distribution = changetype<Distribution>(0);

// --- Weights.

/** calc_delta_fair of `delta` ns at a nice value, or for SCHED_IDLE (`nice` 20). */
export function deltaFair(delta: f64, nice: i32): f64 {
  if (nice == 0) return delta;
  const idle = nice == 20;
  return <f64>calcDelta(<u64>delta, NICE_0_LOAD, wmultOf(idle ? 0 : nice, idle));
}

/** __calc_delta of `delta` with the weight of `nice` on a queue whose inverse weight is given. */
export function deltaOf(delta: f64, nice: i32, inverse: u32): f64 {
  return <f64>calcDelta(<u64>delta, weightOf(nice, false), inverse);
}

/** Takes a load average to `now`, in which time nothing changed, and its averages where a period ended (pelt.c). */
export function peltUpdate(now: f64, load: u32, runnable: u32, running: bool, weight: u32): bool {
  const ended = updateSums(average, <u64>now, load, runnable, running);
  if (ended) updateAverages(average, weight);
  return ended;
}

/** 0…2: sums of load, runnable and util; 3…5: the averages of them. */
export function peltNumber(what: u32): f64 {
  switch (what) {
    case 0:
      return <f64>average.loadSum;
    case 1:
      return <f64>average.runnableSum;
    case 2:
      return <f64>average.utilSum;
    case 3:
      return <f64>average.loadAvg;
    case 4:
      return <f64>average.runnableAvg;
    default:
      return <f64>average.utilAvg;
  }
}

/** A task's estimated utilisation after another sample. */
export function utilEstimate(old: u32, util: u32, waited: bool): u32 {
  return <u32>estimate(old, util, waited);
}

/** nr_idle_scan of a cache of `size` CPUs whose utilisation sums to `sumUtil`, at imbalance_pct 117. */
export function idleScan(sumUtil: u32, size: u32): u32 {
  return idleScanFor(sumUtil, size, 117);
}

// --- RUE's position curve, in pages and 1024ths.

export function rueRatio(used: i32, total: i32, reserve: i32): i32 {
  return <i32>positionRatio(used, total, reserve);
}

// --- The position of dirty pages, in pages and 1024ths.

let wb: Wb = changetype<Wb>(0);

export function dirtyPosition(
  dirty: i32,
  thresh: i32,
  bgThresh: i32,
  limit: i32,
  wbDirty: i32,
  wbThresh: i32,
  bandwidth: i32,
): i32 {
  if (wb == null) wb = allocate<Wb>();
  wb.avgWriteBandwidth = bandwidth;
  dtc.dirty = dirty;
  dtc.thresh = thresh;
  dtc.bgThresh = bgThresh;
  dtc.limit = limit;
  dtc.wbDirty = wbDirty;
  dtc.wbThresh = wbThresh;
  dirtyRatio(wb, dtc);
  return <i32>dtc.posRatio;
}
