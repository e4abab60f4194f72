/** From a checked document to the resolved scenario: presets looked up, roles mapped by the policy, cpusets applied. */
import { UserError } from '../errors.js';
import { checkScenario } from './checks.js';
import { codisTasks } from './codis.js';
import { checkMemory, fitSteps, freeStep, memorySpecOf, readStep, taskMemoryOf, touchStep } from './memory.js';
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
import type { CgroupSpec, Kernel, Machine, Policy, Scenario, SchedSettings, Step, TaskSpec } from './scenario.js';
import {
  type LoopDocument,
  type ScenarioDocument,
  type StepDocument,
  type TaskDocument,
  taskSchema,
} from './schema.js';

/** How a scenario is to be run, over what its file says. */
export interface ResolveOptions {
  /** Name or file of a policy, instead of the scenario's own. */
  policy?: string;
  durationNs?: number;
}

/** Resolves a checked document; `file` names it in errors. */
export function resolveScenario(document: ScenarioDocument, file: string, options: ResolveOptions = {}): Scenario {
  const policy = choosePolicy(document, options);
  const machine = chooseMachine(document.machine);
  const kernel = withPolicy(policy.kernel === null ? chooseKernel(document.kernel) : loadKernel(policy.kernel), policy);
  const cpusets = new Map(document.cgroups.map((group) => [group.name, group.cpus ?? null]));
  const cgroups: CgroupSpec[] = document.cgroups.map((group) => ({
    ...cgroupOf(group.name, group),
    parent: group.parent ?? null,
    btShares: group.btShares,
    offline: group.offline,
  }));
  const scenario: Scenario = {
    name: document.name ?? file,
    description: document.description,
    durationNs: options.durationNs ?? document.duration,
    bootNs: 0,
    rtPhaseNs: null,
    machine,
    kernel,
    policy: policy.name,
    cgroups: [...cgroups, ...policy.cgroups],
    ...(document.memory === undefined ? {} : { memory: memorySpecOf(document.memory) }),
    ...(document.codis?.rate === undefined ? {} : { offeredPerS: document.codis.rate }),
    tasks: tasksOf(document, machine, file).map((task) => resolveTask(task, policy, machine)),
  };
  const { housekeeping } = policy.roles;
  if (housekeeping !== undefined) scenario.housekeeping = housekeeping;
  const { memory } = scenario;
  if (policy.rue !== null) scenario.rue = rueOf(policy.rue, memory);
  for (const task of scenario.tasks) fitSteps(task, memory);
  checkScenario(scenario, cpusets, file);
  checkRue(scenario, (place, expectation) => {
    throw new UserError(file, place, expectation);
  });
  checkMemory(scenario, machine, document.memory?.zones && document.memory.size, (place, expectation) => {
    throw new UserError(file, place, expectation);
  });
  return {
    ...scenario,
    tasks: scenario.tasks.map((task) => confine(task, scenario.cgroups, cpusets)),
  };
}

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

function choosePolicy(document: ScenarioDocument, options: ResolveOptions): Policy {
  if (options.policy !== undefined) return loadPolicy(options.policy);
  return typeof document.policy === 'string' ? loadPolicy(document.policy) : policyOf('inline', document.policy);
}

function chooseMachine(choice: ScenarioDocument['machine']): Machine {
  if (typeof choice === 'string') return loadMachine(choice);
  const { preset, ...changes } = choice;
  const base = loadMachine(preset);
  const { costs, memoryCosts, ...others } = machineChanges(changes as Parameters<typeof machineChanges>[0]);
  return {
    ...base,
    ...others,
    costs: { ...base.costs, ...costs },
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
  if ('free' in step) return freeStep(step.free);
  if ('exit' in step) return { op: 'exit' };
  throw new UserError('scenario', null, `unknown step ${JSON.stringify(step)}`);
}
