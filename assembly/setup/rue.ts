/** Set-up of RUE: its tunables, the record of each group, and its threads. */
import { allocate, allocateArray, at } from '../base/arena';
import { groupAt, NO_LIMIT } from '../mm/memcg';
import { mm } from '../mm/mm';
import { setAsync, setAsyncMarks } from '../mm/rue/async';
import { initController } from '../mm/rue/controller';
import { GroupQos, isOn, limitOf, Part, rue } from '../mm/rue/rue';
import { setWorker } from '../mm/rue/worker';
import { ScanControl } from '../mm/scan_control';
import { QosTable, rowAt, RueTable } from '../tables';
import { specAt } from '../task/fork';
import { Task, taskAt } from '../task/task';

/** Slices of allocation speed a second (HZ / 10). */
const SLICES_PER_S: f64 = 10;
/** The page-cache limit leaves a group so many pages at least. */
const LEAST_CACHE: u64 = 16;

export function readRue(table: RueTable, tables: usize): void {
  rue.parts = <u32>table.parts;
  rue.highestReclaim = <u32>table.highestReclaim;
  rue.reservePages = <u64>table.reservePages;
  rue.latencyTargetNs = <u64>table.latencyTargetNs;
  rue.latencyPriority = <u32>table.latencyPriority;
  rue.cacheRetries = <u32>table.cacheRetries;
  const records = allocateArray<GroupQos>(mm.nrGroups);
  for (let i: u32 = 0; i < mm.nrGroups; i++) readQos(at<GroupQos>(records, i), i, rowAt<QosTable>(tables, i));
  initController();
  rue.controller = threadOf(table.controllerSpec);
  rue.worker = threadOf(table.workerSpec);
  rue.asyncWorker = threadOf(table.asyncSpec);
  rue.latencyController = threadOf(table.latencySpec);
  setWorker(allocate<ScanControl>());
  setAsync(allocate<ScanControl>());
}

function threadOf(spec: f64): Task {
  return spec < 0 ? changetype<Task>(0) : taskAt(specAt(<u32>spec).firstTask);
}

function readQos(qos: GroupQos, index: u32, table: QosTable): void {
  const group = groupAt(index);
  group.qos = changetype<usize>(qos);
  qos.group = group;
  qos.priority = <u32>table.priority;
  qos.wmarkRatio = <i32>table.wmarkRatio;
  qos.leastFree = i64.MAX_VALUE;
  qos.slicePages = <u64>(table.allocPagesPerS / SLICES_PER_S);
  setAsyncMarks(qos, isOn(Part.ASYNC) ? <u64>table.asyncRatio : 0, <u64>table.asyncDistanceFactor);
  qos.cacheMax = NO_LIMIT;
  const limit = limitOf(group);
  if (!isOn(Part.CACHE) || table.cacheMaxRatio >= 100 || limit == NO_LIMIT) return;
  qos.cacheMax = (limit * <u64>table.cacheMaxRatio) / 100;
  qos.cacheGoal = max((qos.cacheMax * (100 - <u64>table.cacheReclaimRatio)) / 100, LEAST_CACHE);
}
