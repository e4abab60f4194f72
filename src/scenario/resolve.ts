/** From a checked document to the resolved scenario: presets looked up, roles mapped by the policy, cpusets applied. */
import { UserError } from '../errors.js';
import { checkScenario } from './checks.js';
import { codisTasks } from './codis.js';
import { allocStep, freeStep, memorySpecOf, readStep, taskMemoryOf, touchStep, writeStep } from './memory.js';
import { checkMemory, fitSteps } from './memory_checks.js';
import {
  cgroupOf,
  groupOfRole,
  kernelChanges,
  loadKernel,
  loadMachine,
  loadPolicy,
  machineChanges,
  policyOf,
} from './presets.js';
import { checkRue, rueOf } from './rue.js';
import type {
  CgroupSpec,
  Guest,
  Kernel,
  Machine,
  Policy,
  Scenario,
  SchedSettings,
  Step,
  TaskSpec,
} from './scenario.js';
import { type GuestDocument, type ScenarioDocument, type TaskDocument, taskSchema } from './schema.js';
import type { LoopDocument, StepDocument } from './step_schema.js';

/** How a scenario is to be run, over what its file says. */
export interface ResolveOptions {
  /** Name or file of a policy, instead of the scenario's own. */
  policy?: string;
  durationNs?: number;
}

/** Resolves a checked document; `file` names it in errors. */
export function resolveScenario(document: ScenarioDocument, file: string, options: ResolveOptions = {}): Scenario {
  const policy = options.policy === undefined ? policyChoice(document.policy) : loadPolicy(options.policy);
  const machine = chooseMachine(document.machine);
  const threads = document.guests.map((guest) => vcpuThreads(guest, policy, machine));
  const host = {
    machine,
    kernel: kernelUnder(policy, document.kernel),
    cgroups: [...document.cgroups.map(resolveCgroup), ...policy.cgroups],
    tasks: [...tasksOf(document, machine, file).map((task) => resolveTask(task, policy, machine)), ...threads],
  };
  const guests = document.guests.map((guest) => resolveGuest(guest, machine));
  const scenario: Scenario = {
    name: document.name ?? file,
    description: document.description,
    durationNs: options.durationNs ?? document.duration,
    bootNs: 0,
    rtPhaseNs: null,
    policy: policy.name,
    ...host,
    guests,
    ...(document.memory === undefined ? {} : { memory: memorySpecOf(document.memory) }),
    ...(document.psi === undefined ? {} : { psi: document.psi }),
    ...(document.codis?.rate === undefined ? {} : { offeredPerS: document.codis.rate }),
  };
  const cpusets = cpusetsOf(document.cgroups);
  const guestCpusets = document.guests.map((guest) => cpusetsOf(guest.cgroups));
  const { housekeeping } = policy.roles;
  if (housekeeping !== undefined) scenario.housekeeping = housekeeping;
  if (policy.rue !== null) scenario.rue = rueOf(policy.rue, scenario.memory);
  for (const task of scenario.tasks) fitSteps(task, scenario.memory);
  checkScenario(scenario, cpusets, guestCpusets, file);
  checkRue(scenario, (place, expectation) => {
    throw new UserError(file, place, expectation);
  });
  checkMemory(scenario, machine, document.memory?.zones && document.memory.size, (place, expectation) => {
    throw new UserError(file, place, expectation);
  });
  return {
    ...scenario,
    tasks: host.tasks.map((task) => confine(task, host.cgroups, cpusets)),
    guests: guests.map((guest, i) => ({
      ...guest,
      tasks: guest.tasks.map((task) => confine(task, guest.cgroups, guestCpusets[i] ?? new Map())),
    })),
  };
}

type CgroupDocuments = ScenarioDocument['cgroups'];

const cpusetsOf = (cgroups: CgroupDocuments) => new Map(cgroups.map((group) => [group.name, group.cpus ?? null]));

const resolveCgroup = (group: CgroupDocuments[number]): CgroupSpec => ({
  ...cgroupOf(group.name, group),
  parent: group.parent ?? null,
  btShares: group.btShares,
  offline: group.offline,
});

/** The tasks of a document: its own, and those of the services that it names. */
function tasksOf({ tasks = [], codis }: ScenarioDocument, machine: Machine, file: string): TaskDocument[] {
  if (codis === undefined) return tasks;
  for (const key of ['cpus', 'clientCpus'] as const) {
    const missing = codis[key]?.find((cpu) => cpu >= machine.cpus);
    if (missing === undefined) continue;
    const cpus = `0 to ${machine.cpus - 1} (${machine.name})`;
    throw new UserError(file, `codis.${key}`, `CPU ${missing} does not exist: expected ${cpus}`);
  }
  const services = codisTasks(codis).map((task) => taskSchema.parse(task));
  const taken = tasks.findIndex(({ name }) => services.some((service) => service.name === name));
  if (taken >= 0) {
    throw new UserError(
      file,
      `tasks[${taken}].name`,
      `expected no name of codis’s own tasks, found "${tasks[taken]?.name}"`,
    );
  }
  return [...tasks, ...services];
}

/** The threads of the host that run a guest's CPUs, those of its first instance first. */
function vcpuThreads({ name, count, vcpus, vcpu }: GuestDocument, policy: Policy, machine: Machine): TaskSpec {
  const document = { role: 'vcpu', ...vcpu, name: `${name}/vcpu`, count: count * vcpus, start: 0, program: [] };
  return { ...resolveTask(document, policy, machine), program: [{ op: 'vcpu', guest: name }] };
}

function resolveGuest(guest: GuestDocument, host: Machine): Guest {
  const policy = policyChoice(guest.policy);
  const machine = guestMachine(host, guest.vcpus);
  return {
    name: guest.name,
    count: guest.count,
    machine,
    kernel: kernelUnder(policy, guest.kernel),
    policy: policy.name,
    cgroups: [...guest.cgroups.map(resolveCgroup), ...policy.cgroups],
    tasks: guest.tasks.map((task) => resolveTask(task, policy, machine)),
  };
}

/** As a guest sees its machine: cores of one thread each that share a cache (assumption); it cannot see more, and has HLT instead of idle states. */
export function guestMachine(host: Machine, vcpus: number): Machine {
  const name = `${vcpus} vCPUs on ${host.name}`;
  return { ...host, name, cpus: vcpus, cpusPerLlc: vcpus, threadsPerCore: 1, idleStates: [], noise: [] };
}

const policyChoice = (choice: ScenarioDocument['policy']): Policy =>
  typeof choice === 'string' ? loadPolicy(choice) : policyOf('inline', choice);

function chooseMachine(choice: ScenarioDocument['machine']): Machine {
  if (typeof choice === 'string') return loadMachine(choice);
  const { preset, ...changes } = choice;
  const base = loadMachine(preset);
  const { costs, virtualization, memoryCosts, ...others } = machineChanges(
    changes as Parameters<typeof machineChanges>[0],
  );
  return {
    ...base,
    ...others,
    costs: { ...base.costs, ...costs },
    virtualization: { ...base.virtualization, ...virtualization },
    memoryCosts: { ...base.memoryCosts, ...memoryCosts },
  };
}

function chooseKernel(choice: ScenarioDocument['kernel']): Kernel {
  if (typeof choice === 'string') return loadKernel(choice);
  const { preset, ...changes } = choice;
  const base = loadKernel(preset);
  const { bt, vmf, ...others } = kernelChanges(changes as Parameters<typeof kernelChanges>[0]);
  return { ...base, ...others, bt: { ...base.bt, ...bt }, vmf: { ...base.vmf, ...vmf } };
}

/** The kernel that a document chooses, or its policy, with the policy's changes. */
function kernelUnder(policy: Policy, choice: ScenarioDocument['kernel']): Kernel {
  return withPolicy(policy.kernel === null ? chooseKernel(choice) : loadKernel(policy.kernel), policy);
}

/** A policy's changes to the kernel's tunables. */
function withPolicy(kernel: Kernel, policy: Policy): Kernel {
  const coreSched = policy.coreSched ?? kernel.coreSched;
  return { ...kernel, coreSched, bt: { ...kernel.bt, ...policy.bt }, vmf: { ...kernel.vmf, ...policy.vmf } };
}

function resolveTask(task: TaskDocument, policy: Policy, machine: Machine): TaskSpec {
  const role = task.role ?? null;
  const byPolicy = (role === null ? undefined : policy.roles[role]) ?? policy.default;
  const cgroupByPolicy = policy.cgroups.find((group) => role !== null && group.name === groupOfRole(role));
  const cookieByPolicy = role === null ? undefined : policy.cookies[role];
  const cpus = task.cpus ?? null;
  const pinEach = task.pin === 'each';
  return {
    name: task.name,
    count: task.count === 'per-cpu' ? machine.cpus : task.count,
    role,
    sched: task.sched ?? byPolicy,
    cgroup: task.cgroup ?? cgroupByPolicy?.name ?? null,
    cpus,
    pinEach,
    startNs: task.start === 'fork' ? 0 : task.start,
    startCpu: null,
    startLagNs: null,
    start: task.start === 'fork' ? 'fork' : 'run',
    timerSlackNs: task.timerSlack ?? null,
    sliceNs: task.slice ?? null,
    cookie: task.cookie ?? cookieByPolicy ?? null,
    ...(task.runsOn === undefined ? {} : { runsOn: task.runsOn }),
    ...(task.memory === undefined ? {} : { memory: taskMemoryOf(task.memory) }),
    program: task.program.map(resolveStep),
  };
}

/** Applies the cpusets and cpu.offline of a task's cgroup and its ancestors. */
function confine(task: TaskSpec, cgroups: CgroupSpec[], cpusets: Map<string, number[] | null>): TaskSpec {
  let { cpus } = task;
  let offline = false;
  let group = cgroups.find(({ name }) => name === task.cgroup);
  while (group !== undefined) {
    const cpuset = cpusets.get(group.name) ?? null;
    if (cpuset !== null) cpus = cpus === null ? cpuset : cpus.filter((cpu) => cpuset.includes(cpu));
    offline ||= group.offline;
    const { parent } = group;
    group = cgroups.find(({ name }) => name === parent);
  }
  const isFair = ['fair', 'batch', 'idle'].includes(task.sched.class);
  const sched: SchedSettings = offline && isFair ? { ...task.sched, class: 'bt' } : task.sched;
  return { ...task, cpus, sched };
}

const isLoop = (step: StepDocument): step is { loop: LoopDocument } => 'loop' in step;

/** A step of a document as the kernel's programs know it. */
export function resolveStep(step: StepDocument): Step {
  if (isLoop(step)) {
    const { loop } = step;
    if (Array.isArray(loop)) return { op: 'loop', times: null, body: loop.map(resolveStep) };
    return { op: 'loop', times: loop.times ?? null, body: loop.do.map(resolveStep) };
  }
  if ('run' in step) {
    if (!('base' in step.run)) return { op: 'run', mode: 'user', duration: step.run };
    return { op: 'run', mode: 'user', duration: step.run.base, eachNs: step.run.each };
  }
  if ('kernel' in step) return { op: 'run', mode: 'kernel', duration: step.kernel };
  if ('irqoff' in step) return { op: 'run', mode: 'irqoff', duration: step.irqoff };
  if ('busy' in step) return { op: 'busy', duration: step.busy };
  if ('sleep' in step) return { op: 'sleep', duration: step.sleep };
  if ('timer' in step) {
    const { name, shared, period, phase, missed, distance } = step.timer;
    return { op: 'timer', timer: name, shared, periodNs: period, phaseNs: phase ?? null, distanceNs: distance, missed };
  }
  if ('stamp' in step) return { op: 'stamp' };
  if ('arrive' in step) return { op: 'arrive', gap: step.arrive };
  if ('mark' in step) return { op: 'mark' };
  if ('key' in step) return { op: 'key', values: step.key };
  if ('record' in step) return { op: 'record', ...step.record };
  if ('wait' in step) {
    if (typeof step.wait === 'string') return { op: 'wait', condition: step.wait, mutex: null };
    return { op: 'wait', condition: step.wait.condition, mutex: step.wait.mutex ?? null };
  }
  if ('signal' in step) return { op: 'signal', condition: step.signal, all: false };
  if ('broadcast' in step) return { op: 'signal', condition: step.broadcast, all: true };
  if ('lock' in step) return { op: 'lock', mutex: step.lock };
  if ('unlock' in step) return { op: 'unlock', mutex: step.unlock };
  if ('send' in step) return { op: 'send', ...step.send };
  if ('receive' in step) return { op: 'receive', ...step.receive };
  if ('serve' in step) return { op: 'serve' };
  if ('barrier' in step) return { op: 'barrier', barrier: step.barrier };
  if ('suspend' in step) return { op: 'suspend' };
  if ('resume' in step) return { op: 'resume', task: step.resume };
  if ('fork' in step) return { op: 'fork', task: step.fork };
  if ('exec' in step) return { op: 'exec' };
  if ('yield' in step) return { op: 'yield' };
  if ('policy' in step) return { op: 'policy', sched: step.policy };
  if ('touch' in step) return touchStep(step.touch);
  if ('read' in step) return readStep(step.read);
  if ('write' in step) return writeStep(step.write);
  if ('free' in step) return freeStep(step.free);
  if ('alloc' in step) return allocStep(step.alloc);
  if ('release' in step) return { op: 'release' };
  if ('exit' in step) return { op: 'exit' };
  throw new UserError('scenario', null, `unknown step ${JSON.stringify(step)}`);
}
