/**
 * Set-up: lays the whole simulation out in the arena from the input buffer. Nothing allocates afterwards.
 */
import { allocateArray, allocateBytes, at } from './base/arena';
import { Distribution, streamState } from './base/random';
import { machine } from './machine/machine';
import { newTrace } from './observe/trace';
import { newBalance } from './sched/balance';
import { newBtBalance } from './sched/bt_balance';
import { newDomains } from './sched/domain';
import { masks, newMasks } from './sched/masks';
import { readMemory } from './setup/memory';
import { readRue } from './setup/rue';
import { layOutCpus, readIdleStates, readKernel, readMachine, readNoise, registerClasses } from './setup/machine';
import { readGroups, readMasks, readPrograms, readRecorders, readSpecs, startCpus } from './setup/tasks';
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
  ViewTable,
  WaitQueueTable,
} from './tables';

/** Events that one instant may have at most: any task may have a few. */
const EVENTS_NOW: u32 = 100_000;
const EVENTS_NOW_PER_TASK: u32 = 16;

/** Reads the input buffer at `input` and makes the machine ready at time 0. */
export function setUp(input: usize, seed: u64): void {
  const reader = new Reader(input);
  const header = reader.next<Header>();
  machine.nrCpus = <u32>header.cpus;
  machine.cpusPerLlc = <u32>header.cpusPerLlc;
  machine.threadsPerCore = <u32>header.threadsPerCore;
  machine.maxEventsNow = EVENTS_NOW + EVENTS_NOW_PER_TASK * <u32>header.tasks;
  machine.maxSlackNs = <u64>header.maxSlackNs;
  machine.bootNs = <u64>header.bootNs;
  newMasks();
  newTrace(<u32>header.traceCapacity, <u64>header.traceFromNs, <u64>header.traceToNs);
  readMachine(reader.next<MachineTable>());
  readKernel(reader.next<KernelTable>());
  const idleStates = reader.array<IdleStateTable>(<u32>header.idleStates);
  const noise = reader.array<NoiseTable>(<u32>header.noiseSources);
  const btRuntimes = reader.numbers(machine.nrCpus);
  const groupTables = reader.array<GroupTable>(<u32>header.groups);
  const maskNumbers = reader.numbers(<u32>header.masks * masks.words * 2);
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

  readMasks(maskNumbers, <u32>header.masks);
  const distributions = readDistributions(distributionTables, <u32>header.distributions, values);
  readIdleStates(idleStates, <u32>header.idleStates);
  layOutCpus(btRuntimes);
  readNoise(noise, <u32>header.noiseSources, distributions, seed);
  registerClasses(<i64>header.rtPhaseNs);
  newDomains();
  const stream = newStream(seed);
  newBalance(stream);
  newBtBalance();
  readGroups(groupTables, <u32>header.groups, stream);
  readPrograms(waitQueues, header, instructions, distributions);
  readSpecs(specs, <u32>header.specs, <u32>header.tasks, seed);
  readRecorders(recorders, <u32>header.recorders);
  if (header.memory != 0) readMemory(memory, header, devices, files, groupTables, specs, areas, views);
  if (header.qos != 0) readRue(rueTable, qos);
  startCpus();
}

/** The stream of the kernel's own random draws belongs to no entity of the scenario. */
function newStream(seed: u64): usize {
  const state = allocateBytes(8);
  store<u64>(state, streamState(seed, u64.MAX_VALUE, 0));
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
