/**
 * Set-up of the memory: zones, groups, devices, files, and what each task has to do with it. At time 0 all is free but what the kernel uses.
 */
import { allocate, allocateArray, at } from '../base/arena';
import { newHistogram } from '../base/histogram';
import { machine } from '../machine/machine';
import { newDevices, deviceAt } from '../mm/block';
import { growFolio } from '../mm/fault';
import { entryOf, folioAt, newFolio, newFolios, newRegion, Pg, Region, slotOf } from '../mm/folio';
import { setKswapd } from '../mm/kswapd';
import { addToLru } from '../mm/lru';
import { GROUP_PAGES, groupAt, LruList, MemCgroup, NO_LIMIT, Stock } from '../mm/memcg';
import { costs, Lru, mm } from '../mm/mm';
import { ScanControl } from '../mm/scan_control';
import { KEPT, Kept } from '../mm/order/alloc';
import { Blocks, LARGEST_ORDER, layOut, takePages } from '../mm/order/blocks';
import { Deferral } from '../mm/order/deferral';
import { setKcompactd } from '../mm/order/kcompactd';
import { newReturns, Returns } from '../mm/order/returns';
import { areaAt, RSS_EVENTS_AT_START, TaskMm, taskMmAt, View, viewAt } from '../mm/task_mm';
import { defaultMinFreeKb, MAX_ZONES, newZone, pcpOf, setupPerZoneWmarks, Zone, zoneAt } from '../mm/zone';
import { setPressureWorkers } from '../mm/vmpressure';
import { zram } from '../mm/zram';
import {
  AreaTable,
  DeviceTable,
  FileTable,
  GroupTable,
  Header,
  MemoryTable,
  rowAt,
  SpecTable,
  SystemTable,
  ViewTable,
} from '../tables';
import { specAt } from '../task/fork';
import { POLL_PAGES } from '../mm/writeback/balance';
import { setCacheFiles } from '../mm/writeback/cache_nodes';
import { readWriteback } from './writeback';
import { taskAt } from '../task/task';

/** So many folios at most, where all are full: 64 bytes each. A machine of 1 TiB has folios of 512 pages, as many as a huge page. */
const MOST_FOLIOS: u64 = 1 << 19;
/** Folios of several pages that devices still write while their slots are in use again: assumption. */
const MOST_ORPHANS: u64 = 1 << 12;

let files: usize = 0;

export function readMemory(
  table: MemoryTable,
  header: Header,
  system: SystemTable,
  deviceTables: usize,
  fileTables: usize,
  groupTables: usize,
  specTables: usize,
  areaTables: usize,
  viewTables: usize,
): void {
  mm.on = true;
  mm.nrCpus = machine.nrCpus;
  readCosts(table);
  readZones(table);
  newFolios(mostFolios(<u64>table.heldPages, fileTables, <u32>header.files, specTables, <u32>system.specs, areaTables));
  mm.freeAtWakeup = newHistogram();
  mm.freeAtRunEnd = newHistogram();
  mm.runNs = newHistogram();
  mm.directNs = newHistogram();
  mm.directPages = newHistogram();
  mm.memcgNs = newHistogram();
  mm.memcgPages = newHistogram();
  mm.dirtyAtBalance = newHistogram();
  newDevices(<u32>header.devices);
  for (let i: u32 = 0; i < <u32>header.devices; i++) {
    const row = rowAt<DeviceTable>(deviceTables, i);
    deviceAt(i).latencyNs = <u64>row.latencyNs;
    deviceAt(i).depth = <u32>row.depth;
    deviceAt(i).maxPages = <u32>row.maxRequestPages;
  }
  readGroups(groupTables, <u32>system.groups);
  files = allocateArray<Region>(<u32>header.files);
  setCacheFiles(files, <u32>header.files);
  for (let i: u32 = 0; i < <u32>header.files; i++) {
    const row = rowAt<FileTable>(fileTables, i);
    newRegion(at<Region>(files, i), i, <u32>row.pages, true);
    at<Region>(files, i).device = <u32>row.device;
  }
  readTasks(specTables, <u32>system.specs, areaTables, viewTables);
  holdPages(<u32>table.heldPages);
  readWriteback(table, deviceTables, <u32>header.devices);
  setKswapd(taskAt(specAt(<u32>table.kswapdSpec).firstTask), allocate<ScanControl>());
  setPressureWorkers(specAt(<u32>table.vmpressureSpec).firstTask);
  if (table.orders != 0) countBlocks(table);
}

/** What is taken already has come from the first blocks, one after another. */
function countBlocks(table: MemoryTable): void {
  for (let i: u32 = 0; i < mm.nrZones; i++) {
    const zone = zoneAt(i);
    zone.blocks = allocate<Blocks>();
    zone.returns = allocate<Returns>();
    zone.deferral = allocate<Deferral>();
    zone.deferral.order = LARGEST_ORDER + 1;
    layOut(zone.blocks, zone.managed);
    newReturns(zone.returns);
    takePages(zone.blocks, <u32>(zone.managed - zone.free));
  }
  for (let i: u32 = 0; i < mm.nrTaskMms; i++) taskMmAt(i).kept = allocateArray<Kept>(KEPT);
  mm.orders = true;
  mm.hugeAlways = table.hugePages == 2;
  setKcompactd(taskAt(specAt(<u32>table.kcompactdSpec).firstTask));
}

/** A folio for each page; where folios are of several, for each slot: one may hold a single page. */
function mostFolios(held: u64, fileTables: usize, files: u32, specTables: usize, specs: u32, areaTables: usize): u32 {
  let slots = held >> mm.grainBits;
  for (let i: u32 = 0; i < files; i++) slots += slotsFor(rowAt<FileTable>(fileTables, i).pages);
  for (let i: u32 = 0; i < specs; i++) {
    const spec = rowAt<SpecTable>(specTables, i);
    for (let area: u32 = 0; area < <u32>spec.areas; area++) {
      slots += specAt(i).count * slotsFor(rowAt<AreaTable>(areaTables, <u32>spec.firstArea + area).pages);
    }
  }
  return <u32>min(mm.managed, max(mm.managed >> mm.grainBits, slots) + MOST_ORPHANS) + 1;
}

function slotsFor(pages: f64): u64 {
  return (<u64>pages >> mm.grainBits) + 1;
}

/** File systems' own blocks are there from the beginning. */
function holdPages(pages: u32): void {
  if (pages == 0) return;
  const region = allocate<Region>();
  newRegion(region, 0, pages, true);
  const zone = zoneAt(mm.nrZones - 1);
  for (let page: u32 = 0; page < pages; page++) {
    const slot = slotOf(region, page);
    const folio = folioAt(entryOf(region, slot));
    zone.free--;
    zone.taken++;
    groupAt(0).usage++;
    if (folio != null) {
      growFolio(folio);
      continue;
    }
    const made = newFolio(region, slot, groupAt(0), zone);
    made.flags = Pg.HELD;
    addToLru(made);
  }
}

function readCosts(table: MemoryTable): void {
  costs.hitNs = <u64>table.hitNs;
  costs.faultNs = <u64>table.faultNs;
  costs.refillNs = <u64>table.refillNs;
  costs.refillPageNs = <u64>table.refillPageNs;
  costs.lruAddNs = <u64>table.lruAddNs;
  costs.readNs = <u64>table.readNs;
  costs.readPageNs = <u64>table.readPageNs;
  costs.readaheadPageNs = <u64>table.readaheadPageNs;
  costs.ioNs = <u64>table.ioNs;
  costs.writeNs = <u64>table.writeNs;
  costs.writePageNs = <u64>table.writePageNs;
  costs.writebackNs = <u64>table.writebackNs;
  costs.chargeNs = <u64>table.chargeNs;
  costs.passNs = <u64>table.passNs;
  costs.directNs = <u64>table.directNs;
  costs.balanceNs = <u64>table.balanceNs;
  costs.groupPassNs = <u64>table.groupPassNs;
  costs.batchNs = <u64>table.batchNs;
  costs.scanNs = <u64>table.scanNs;
  costs.rmapNs = <u64>table.rmapNs;
  costs.stealNs = <u64>table.stealNs;
  costs.buffersNs = <u64>table.buffersNs;
  costs.pageoutNs = <u64>table.pageoutNs;
  costs.deactivateNs = <u64>table.deactivateNs;
  costs.freeNs = <u64>table.freeNs;
  costs.hugeFaultNs = <u64>table.hugeFaultNs;
  costs.compactScanNs = <u64>table.compactScanNs;
  costs.migrateNs = <u64>table.migrateNs;
  costs.vmpressureNs = <u64>table.vmpressureNs;
}

/** Of zone DMA the kernel has so much in all recordings of a 6.1. */
const KERNEL_DMA_PAGES: u64 = 32;

function readZones(table: MemoryTable): void {
  mm.zones = allocateArray<Zone>(MAX_ZONES);
  mm.nrZones = table.normalPages > 0 ? 3 : 2;
  newZone(0, <u64>table.dmaPages, machine.nrCpus);
  newZone(1, <u64>table.dma32Pages, machine.nrCpus);
  if (mm.nrZones == 3) newZone(2, <u64>table.normalPages, machine.nrCpus);
  for (let i: u32 = 0; i < mm.nrZones; i++) mm.managed += zoneAt(i).managed;
  const minFreeKb = table.minFreeKb >= 0 ? <u64>table.minFreeKb : defaultMinFreeKb(table.hugePages != 0);
  setupPerZoneWmarks(minFreeKb, <u64>table.watermarkScaleFactor, machine.nrCpus);
  // The kernel's own pages lie in the highest zone first, as all do, but for some of zone DMA.
  mm.kernelPages = <u64>table.kernelPages;
  const inDma = min(mm.kernelPages, KERNEL_DMA_PAGES);
  zoneAt(0).free -= inDma;
  zoneAt(0).taken += inDma;
  let left = mm.kernelPages - inDma;
  for (let i = <i32>mm.nrZones - 1; i >= 0; i--) {
    const taken = min(left, zoneAt(i).free);
    zoneAt(i).free -= taken;
    zoneAt(i).taken += taken;
    left -= taken;
  }
  // Lists of other kinds of pages keep what the largest bulk free leaves of a list that is kept short: 4 batches less 3.
  const top = zoneAt(mm.nrZones - 1);
  for (let cpu: u32 = 0; cpu < machine.nrCpus; cpu++) {
    pcpOf(top, cpu).others = min(top.pcpBatch, <u32>(top.free / machine.nrCpus));
    top.free -= pcpOf(top, cpu).others;
  }
  mm.swappiness = <u32>table.swappiness;
  mm.swapTotal = <u64>table.swapPages;
  mm.swapFree = mm.swapTotal;
  zram.ratio = table.zramRatio;
  zram.compressNs = <u64>table.compressNs;
  zram.decompressNs = <u64>table.decompressNs;
  mm.readahead = <u32>table.readaheadPages;
  while (mm.managed >> mm.grainBits > MOST_FOLIOS) mm.grainBits++;
}

function readGroups(tables: usize, count: u32): void {
  mm.nrGroups = count + 1;
  mm.groups = allocateArray<MemCgroup>(mm.nrGroups);
  mm.stocks = allocateArray<Stock>(machine.nrCpus);
  for (let i: u32 = 0; i < mm.nrGroups; i++) {
    const group = groupAt(i);
    group.index = i;
    group.lists = allocateArray<LruList>(Lru.COUNT);
    group.high = NO_LIMIT;
    group.max = NO_LIMIT;
    group.swapMax = NO_LIMIT;
    if (i == 0) continue;
    const table = rowAt<GroupTable>(tables, i - 1);
    group.parent = table.parent < 0 ? groupAt(0) : groupAt(<u32>table.parent + 1);
    group.min = <u64>table.memoryMin;
    group.low = <u64>table.memoryLow;
    group.high = limitOf(table.memoryHigh);
    group.max = limitOf(table.memoryMax);
    group.swapMax = limitOf(table.swapMax);
    group.oomGroup = table.oomGroup != 0;
  }
}

function limitOf(pages: f64): u64 {
  return pages < 0 ? NO_LIMIT : <u64>pages;
}

/** Every task that has views gets a record; the kernel kills in the order of these. */
function readTasks(specTables: usize, specs: u32, areaTables: usize, viewTables: usize): void {
  let count: u32 = 0;
  for (let i: u32 = 0; i < specs; i++) if (rowAt<SpecTable>(specTables, i).views != 0) count += specAt(i).count;
  mm.taskMms = allocateArray<TaskMm>(count);
  mm.nrTaskMms = count;
  let next: u32 = 0;
  for (let i: u32 = 0; i < specs; i++) {
    const table = rowAt<SpecTable>(specTables, i);
    if (table.views == 0) continue;
    for (let instance: u32 = 0; instance < specAt(i).count; instance++) {
      readTask(taskMmAt(next++), table, specAt(i).firstTask + instance, areaTables, viewTables);
    }
  }
}

function useGroup(group: MemCgroup): void {
  group.used = true;
  for (let g = group; g != null; g = g.parent) g.usage += GROUP_PAGES;
}

function readTask(m: TaskMm, table: SpecTable, id: u32, areaTables: usize, viewTables: usize): void {
  const task = taskAt(id);
  task.mm = changetype<usize>(m);
  m.task = task;
  m.group = groupAt(<u32>(table.group + 1));
  if (m.group.parent != null && !m.group.used) useGroup(m.group);
  m.oomScoreAdj = <i32>table.oomScoreAdj;
  m.rssEvents = RSS_EVENTS_AT_START;
  m.sc = allocate<ScanControl>();
  m.nrDirtiedPause = POLL_PAGES;
  m.nrAreas = <u32>table.areas;
  m.areas = allocateArray<Region>(m.nrAreas);
  for (let i: u32 = 0; i < m.nrAreas; i++) {
    newRegion(areaAt(m, i), i, <u32>rowAt<AreaTable>(areaTables, <u32>table.firstArea + i).pages, false);
    areaAt(m, i).owner = task;
  }
  m.views = allocateArray<View>(<u32>table.views);
  for (let i: u32 = 0; i < <u32>table.views; i++) {
    const row = rowAt<ViewTable>(viewTables, <u32>table.firstView + i);
    const view = viewAt(m, i);
    // A step that takes pages for the kernel goes through no region.
    if (row.file != 0) view.region = at<Region>(files, <u32>row.region);
    else if (row.region >= 0) view.region = areaAt(m, <u32>row.region);
    view.first = <u32>row.first;
    view.pages = <u32>row.pages;
    view.pattern = <u32>row.pattern;
    view.drawn = -1;
  }
}
