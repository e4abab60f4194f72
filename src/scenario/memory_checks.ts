/** What must exist, and what must fit into what, in the memory of a scenario; lengths of steps that go over the whole of something. */
import type { Fail } from './checks.js';
import { PAGE_BYTES } from './memory.js';
import {
  type CgroupSpec,
  type Machine,
  type MemorySpec,
  type MemoryStep,
  type Scenario,
  stepsOf,
  type TaskSpec,
} from './scenario.js';

/** Pages of a region: its slots are laid out in the simulator's own memory. */
const MOST_REGION_PAGES = 2 ** 31 - 1;

/** Gives steps that go over the whole of their area or file its length, once both are known. */
export function fitSteps(task: TaskSpec, memory: MemorySpec | undefined): void {
  for (const step of stepsOf(task.program)) {
    if (step.op !== 'memory') continue;
    const length = lengthOf(step, task, memory) ?? 0;
    if (step.pages === 0) step.pages = Math.max(0, length - step.first);
    if (step.times === 0) step.times = Math.max(1, Math.floor(step.pages / step.chunk));
  }
}

function lengthOf(step: MemoryStep, task: TaskSpec, memory: MemorySpec | undefined): number | undefined {
  if (step.area !== null) return task.memory?.areas.find(({ name: area }) => area === step.area)?.pages;
  return memory?.files.find(({ name: file }) => file === step.file)?.pages;
}

const text = (pages: number): string => `${(pages * PAGE_BYTES) / 2 ** 20}MiB`;

/** What must exist, and what must fit into what. */
export function checkMemory(scenario: Scenario, machine: Machine, installed: number | undefined, fail: Fail): void {
  const { memory, cgroups, tasks, guests } = scenario;
  guests.forEach((guest, i) => {
    const of = ({ memory: own }: { memory?: unknown }) => own !== undefined;
    const group = guest.cgroups.findIndex(of);
    const task = guest.tasks.findIndex(of);
    if (group >= 0) fail(`guests[${i}].cgroups[${group}].memory`, 'expected none in a guest');
    if (task >= 0) fail(`guests[${i}].tasks[${task}].memory`, 'expected none in a guest');
    for (const step of guest.tasks.flatMap(({ program }) => [...stepsOf(program)])) {
      if (step.op === 'memory') fail(`guests[${i}].tasks`, `${step.access}: expected no such step in a guest`);
    }
  });
  cgroups.forEach((group, i) => {
    checkGroup(group, `cgroups[${i}].memory`, memory, fail);
  });
  tasks.forEach((task, i) => {
    if (task.memory !== undefined && memory === undefined) {
      fail(`tasks[${i}].memory`, 'expected none in a scenario without memory');
    }
    if (task.memory !== undefined && task.runsOn !== undefined) {
      fail(`tasks[${i}].memory`, 'expected none in a task that runs on another');
    }
    checkAreas(task, `tasks[${i}].memory.areas`, memory, fail);
    for (const step of stepsOf(task.program)) {
      if (step.op === 'memory') checkStep(step, task, `tasks[${i}].program`, memory, fail);
    }
  });
  if (memory !== undefined) checkMachine(memory, machine, installed, fail);
}

function checkMachine(memory: MemorySpec, machine: Machine, installed: number | undefined, fail: Fail): void {
  const { dma, dma32, normal } = memory.zones;
  const managed = dma + dma32 + normal;
  if (installed !== undefined) {
    for (const [zone, pages] of Object.entries(memory.zones)) {
      if (pages > installed)
        fail(`memory.zones.${zone}`, `expected at most the machine’s ${text(installed)}, found ${text(pages)}`);
    }
    if (managed > installed)
      fail('memory.zones', `expected at most the machine’s ${text(installed)} in all, found ${text(managed)}`);
  }
  if (dma === 0 || dma32 === 0) fail('memory.size', 'expected zones DMA and DMA32: more than 16MiB');
  if (memory.kernelPages + memory.heldPages >= managed)
    fail(
      'memory.kernel',
      `expected less than the machine’s ${text(managed)} with what is held, found ${text(memory.kernelPages + memory.heldPages)}`,
    );
  if (machine.cpus > managed / 64) fail('memory.size', `expected at least 64 pages a CPU for ${machine.cpus} CPUs`);
  memory.files.forEach((file, i) => {
    if (file.pages > MOST_REGION_PAGES)
      fail(`memory.files[${i}].size`, `expected at most ${text(MOST_REGION_PAGES + 1)}`);
    if (memory.devices.some(({ name: known }) => known === file.device)) return;
    fail(`memory.files[${i}].device`, `unknown device "${file.device}"`);
  });
}

function checkGroup(group: CgroupSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  if (group.memory === undefined) return;
  if (memory === undefined) fail(place, 'expected none in a scenario without memory');
  const { minPages, lowPages, highPages, maxPages } = group.memory;
  if (maxPages === null) return;
  const atMost = `expected at most memory.max (${text(maxPages)})`;
  if (minPages > maxPages) fail(`${place}.min`, `${atMost}, found ${text(minPages)}`);
  if (lowPages > maxPages) fail(`${place}.low`, `${atMost}, found ${text(lowPages)}`);
  if (highPages !== null && highPages > maxPages) fail(`${place}.high`, `${atMost}, found ${text(highPages)}`);
}

/** More than all memory and swap can never be touched: that is a mistake, however the kernel overcommits. */
function checkAreas(task: TaskSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  if (memory === undefined) return;
  const { dma, dma32, normal } = memory.zones;
  const most = dma + dma32 + normal + (memory.swap?.pages ?? 0);
  for (const { name: area, pages } of task.memory?.areas ?? []) {
    if (pages > most)
      fail(`${place}.${area}`, `expected at most the machine’s memory and swap (${text(most)}), found ${text(pages)}`);
  }
}

function checkStep(step: MemoryStep, task: TaskSpec, place: string, memory: MemorySpec | undefined, fail: Fail): void {
  const { access, first, pages, chunk } = step;
  if (memory === undefined) fail(place, `${access}: expected memory in the scenario`);
  if (access === 'release') return;
  if (access === 'alloc') {
    const { dma, dma32, normal } = memory?.zones ?? { dma: 0, dma32: 0, normal: 0 };
    const most = dma + dma32 + normal;
    if (pages > most) fail(place, `alloc: expected at most the machine’s ${text(most)}, found ${text(pages)}`);
    return;
  }
  const length = lengthOf(step, task, memory);
  const what = step.area === null ? `file "${step.file}"` : `area "${step.area}"`;
  if (length === undefined) fail(place, `${access}: unknown ${what}`);
  else if (pages === 0 || first + pages > length)
    fail(place, `${access}: expected a part of ${what} (${text(length)}), found ${text(first + pages)}`);
  if (chunk > pages) fail(place, `${access}: expected a chunk of at most ${text(pages)}, found ${text(chunk)}`);
}
