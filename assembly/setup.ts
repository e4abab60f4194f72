/**
 * Set-up: lays the whole simulation out in the arena from the input buffer. Nothing allocates afterwards.
 */
import { allocateArray, allocateBytes, at } from './base/arena';
import { Distribution, streamState } from './base/random';
import { Machine, machine } from './machine/machine';
import { newKernel } from './machine/kernels';
import { OWN_BYTES, Part, SHARED_BYTES } from './machine/own';
import { newTrace } from './observe/trace';
import { Balance, newBalance, setBalanceStream } from './sched/balance';
import { newBtBalance } from './sched/bt_balance';
import { Rank } from './sched/class';
import { newDomains, Topology } from './sched/domain';
import { Masks, masks, newMasks } from './sched/masks';
import { newMachinePsi } from './sched/psi_avgs';
import { Groups } from './sched/throttle';
import { Tunables, tunables } from './sched/tunables';
import {
  layOutCpus,
  newCpus,
  readIdleStates,
  readKernel,
  readMachine,
  readNoise,
  readSystem,
  registerClasses,
} from './setup/machine';
import { newSpecs, readGroups, readMasks, readPrograms, readRecorders, readSpecs, startCpus } from './setup/tasks';
import { readMemory } from './setup/memory';
import { readRue } from './setup/rue';
import {
  AreaTable,
  DeviceTable,
  DistributionTable,
  FileTable,
  GroupTable,
  Header,
  IdleStateTable,
  InstructionTable,
  KernelTable,
  MachineTable,
  MemoryTable,
  NoiseTable,
  QosTable,
  Reader,
  RecorderTable,
  rowAt,
  RueTable,
  SpecTable,
  SystemTable,
  ViewTable,
  WaitQueueTable,
} from './tables';

/** The parts of a kernel's block must not overlap (machine/own.ts). */
if (
  offsetof<Machine>() - offsetof<Machine>('tickPeriodNs') > Part.MASKS - Part.MACHINE ||
  offsetof<Machine>('tickPeriodNs') > SHARED_BYTES ||
  offsetof<Masks>() > Part.TOPOLOGY - Part.MASKS ||
  offsetof<Topology>() > Part.BALANCE - Part.TOPOLOGY ||
  offsetof<Balance>() > Part.GROUPS - Part.BALANCE ||
  offsetof<Groups>() > Part.CLASSES - Part.GROUPS ||
  Rank.COUNT * sizeof<usize>() > Part.TUNABLES - Part.CLASSES ||
  offsetof<Tunables>() > OWN_BYTES - Part.TUNABLES
) {
  ERROR('parts of a kernel overlap');
}

/** Events that one instant may have at most: any task may have a few. */
const EVENTS_NOW: u32 = 100_000;
const EVENTS_NOW_PER_TASK: u32 = 16;

/** Reads the input buffer at `input` and makes all machines ready at time 0. */
export function setUp(input: usize, seed: u64): void {
  const reader = new Reader(input);
  const header = reader.next<Header>();
  machine.maxEventsNow = EVENTS_NOW + EVENTS_NOW_PER_TASK * <u32>header.tasks;
  newTrace(<u32>header.traceCapacity, <u64>header.traceFromNs, <u64>header.traceToNs, <u64>header.traceLeastNs);
  const distributionTables = reader.array<DistributionTable>(<u32>header.distributions);
  const values = reader.numbers(<u32>header.values);
  const waitQueues = reader.array<WaitQueueTable>(<u32>header.waitQueues);
  const instructions = reader.array<InstructionTable>(<u32>header.instructions);
  const specs = reader.array<SpecTable>(<u32>header.specs);
  const recorders = reader.array<RecorderTable>(<u32>header.recorders);
  const memory = reader.next<MemoryTable>();
  const devices = reader.array<DeviceTable>(<u32>header.devices);
  const files = reader.array<FileTable>(<u32>header.files);
  const areas = reader.array<AreaTable>(<u32>header.areas);
  const views = reader.array<ViewTable>(<u32>header.views);
  const rueTable = reader.next<RueTable>();
  const qos = reader.array<QosTable>(<u32>header.qos);

  const distributions = readDistributions(distributionTables, <u32>header.distributions, values);
  newCpus(<u32>header.cpus);
  newBalance();
  newBtBalance();
  readPrograms(waitQueues, header, instructions, distributions);
  newSpecs(header);
  let firstCpu: u32 = 0;
  let firstSpec: u32 = 0;
  for (let i: u32 = 0; i < <u32>header.kernels; i++) {
    const system = reader.next<SystemTable>();
    newKernel(i, firstCpu, <u32>system.cpus);
    const groups = setUpKernel(system, reader, distributions, specs, firstSpec, seed);
    // Guests have memory enough.
    if (i == 0 && header.memory != 0) readMemory(memory, header, system, devices, files, groups, specs, areas, views);
    if (i == 0 && header.qos != 0) readRue(rueTable, qos);
    firstCpu += <u32>system.cpus;
    firstSpec += <u32>system.specs;
  }
  readRecorders(recorders, <u32>header.recorders);
}

/** Lays out the kernel at work, with its machine and its tasks: declarations from `firstSpec` on. Returns the address of its GroupTable[]. */
function setUpKernel(
  system: SystemTable,
  reader: Reader,
  distributions: usize,
  specs: usize,
  firstSpec: u32,
  seed: u64,
): usize {
  readSystem(system);
  newMasks();
  readMachine(reader.next<MachineTable>());
  readKernel(reader.next<KernelTable>());
  const idleStates = reader.array<IdleStateTable>(<u32>system.idleStates);
  const noise = reader.array<NoiseTable>(<u32>system.noiseSources);
  const btRuntimes = reader.numbers(machine.nrCpus);
  const groupTables = reader.array<GroupTable>(<u32>system.groups);
  const maskNumbers = reader.numbers(<u32>system.masks * masks.words * 2);

  readMasks(maskNumbers, <u32>system.masks);
  readIdleStates(idleStates, <u32>system.idleStates);
  layOutCpus(btRuntimes);
  readNoise(noise, <u32>system.noiseSources, distributions, seed);
  registerClasses(<i64>system.rtPhaseNs);
  newDomains();
  if (system.psi != 0) machine.psi = newMachinePsi();
  tunables.notesQueues = tunables.coreSched || tunables.htIsolate || machine.psi != null;
  const stream = newStream(seed, <u64>system.nameHash);
  setBalanceStream(stream);
  readGroups(groupTables, <u32>system.groups, <u64>system.groupsMadeNs, stream);
  readSpecs(specs, firstSpec, <u32>system.specs, seed);
  startCpus();
  return groupTables;
}

/** The stream of a kernel's own random draws belongs to no entity of its scenario. */
function newStream(seed: u64, kernel: u64): usize {
  const state = allocateBytes(8);
  store<u64>(state, streamState(seed, u64.MAX_VALUE, kernel));
  return state;
}

/** Address of Distribution[]. */
function readDistributions(tables: usize, count: u32, values: usize): usize {
  const distributions = allocateArray<Distribution>(count);
  for (let i: u32 = 0; i < count; i++) {
    const table = rowAt<DistributionTable>(tables, i);
    const distribution = at<Distribution>(distributions, i);
    distribution.kind = <u32>table.kind;
    distribution.count = <u32>table.count;
    distribution.values = values + ((<usize>table.firstValue) << 3);
    distribution.a = table.a;
    distribution.b = table.b;
    distribution.c = table.c;
  }
  return distributions;
}
