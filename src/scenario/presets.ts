/**
 * Presets by name or by file: machines, kernels and policies are YAML under scenarios/, so that a user can copy and change one.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { UserError } from '../errors.js';
import { packageRoot } from '../paths.js';
import { check, parseYaml, readText } from './document.js';
import { type KernelDocument, kernelSchema } from './kernel_schema.js';
import { type MachineDocument, machineSchema } from './machine_schema.js';
import { groupMemoryOf, memoryCostsOf } from './memory.js';
import { ablationOf, groupQosOf, withParts } from './rue.js';
import type {
  BtTunables,
  CgroupSpec,
  Kernel,
  Machine,
  MachineCosts,
  MemoryCosts,
  Policy,
  VirtualizationCosts,
  VmfTunables,
} from './scenario.js';
import { type PolicyDocument, policySchema, type RoleGroupDocument } from './schema.js';

/** A name and one line about it. */
export interface Listed {
  name: string;
  description: string;
}

/** Folder of each kind below scenarios/. */
const FOLDERS = { scenario: '.', policy: 'policies', kernel: 'kernels', machine: 'machines' } as const;
type Kind = keyof typeof FOLDERS;

const folderOf = (kind: Kind): string => join(packageRoot, 'scenarios', FOLDERS[kind]);

/** Names of a kind, sorted. */
export function namesOf(kind: Kind): string[] {
  return readdirSync(folderOf(kind))
    .filter((file) => extname(file) === '.yaml')
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** The file that a name or path stands for; an unknown name is a UserError that lists the known ones. */
export function fileOf(kind: Kind, nameOrPath: string): string {
  if (/[/\\]|\.(ya?ml|json)$/.test(nameOrPath)) return nameOrPath;
  const file = join(folderOf(kind), `${nameOrPath}.yaml`);
  if (existsSync(file)) return file;
  const known = namesOf(kind);
  const near = known
    .map((name) => ({ name, off: distance(name, nameOrPath) + (name[0] === nameOrPath[0] ? 0 : 0.5) }))
    .filter(({ off }) => off < 3)
    .sort((a, b) => a.off - b.off)[0]?.name;
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  throw new UserError(nameOrPath, null, `unknown ${kind}; expected a file or one of ${known.join(', ')}${hint}`);
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function list(kind: Kind): Listed[] {
  return namesOf(kind).map((name) => {
    const text = readText(join(folderOf(kind), `${name}.yaml`));
    return { name, description: String(parseYaml(text, name).document.get('description') ?? '') };
  });
}

export const listScenarios = (): Listed[] => list('scenario');
export const listPolicies = (): Listed[] => list('policy');
export const listKernels = (): Listed[] => list('kernel');
export const listMachines = (): Listed[] => list('machine');

const readPreset = (kind: Kind, nameOrPath: string) => {
  const file = fileOf(kind, nameOrPath);
  return { yaml: parseYaml(readText(file), nameOrPath), name: basename(file, extname(file)) };
};

/** A machine by name or file. */
export function loadMachine(nameOrPath: string): Machine {
  const { yaml, name } = readPreset('machine', nameOrPath);
  return machineOf(name, check(yaml, machineSchema));
}

/** A kernel by name or file. */
export function loadKernel(nameOrPath: string): Kernel {
  const { yaml, name } = readPreset('kernel', nameOrPath);
  return kernelOf(name, check(yaml, kernelSchema));
}

/** A policy by name or file; `rue-only-<part>` and `rue-no-<part>` are `rue` with one part alone, or without it. */
export function loadPolicy(nameOrPath: string): Policy {
  const ablation = ablationOf(nameOrPath);
  if (ablation !== null) return withParts(loadPolicy(ablation.base), nameOrPath, ablation.keeps);
  const { yaml, name } = readPreset('policy', nameOrPath);
  return policyOf(name, check(yaml, policySchema));
}

export function policyOf(name: string, document: PolicyDocument): Policy {
  const own = ownPolicy(name, document);
  if (document.base === undefined) return own;
  const base = loadBase(document.base, own.name);
  return {
    ...own,
    roles: { ...base.roles, ...own.roles },
    cookies: { ...base.cookies, ...own.cookies },
    cgroups: [...own.cgroups, ...base.cgroups.filter((group) => !own.cgroups.some((mine) => mine.name === group.name))],
    coreSched: own.coreSched ?? base.coreSched,
    kernel: own.kernel ?? base.kernel,
    bt: { ...base.bt, ...own.bt },
    vmf: { ...base.vmf, ...own.vmf },
    rue: own.rue ?? base.rue,
  };
}

/** One step only: a policy that is built upon is whole. */
function loadBase(nameOrPath: string, user: string): Policy {
  const { yaml, name } = readPreset('policy', nameOrPath);
  const document = check(yaml, policySchema);
  if (document.base !== undefined) {
    throw new UserError(user, 'base', `expected a policy without a base, found "${nameOrPath}"`);
  }
  return ownPolicy(name, document);
}

function ownPolicy(name: string, document: PolicyDocument): Policy {
  const { description, default: others, roles, cookies, bt, vmf } = document;
  const coreSched = document.coreSched ?? null;
  const cgroups = Object.entries(document.cgroups).map(([role, group]) => cgroupOf(groupOfRole(role), group));
  const changes = {
    coreSched,
    cookies,
    cgroups,
    kernel: document.kernel ?? null,
    bt: btOf(bt),
    vmf: vmfOf(vmf),
    rue: document.rue ?? null,
  };
  return { name: document.name ?? name, description, default: others, roles, ...changes };
}

/** The cgroup that a policy makes for a role. */
export const groupOfRole = (role: string): string => `role:${role}`;

/** A cgroup of the fair class with these settings. */
export function cgroupOf(name: string, document: RoleGroupDocument): CgroupSpec {
  const { weight, idle, quota, period, burst, memory, priority, rue } = document;
  return {
    name,
    parent: null,
    weight,
    idle,
    quota: quota === undefined ? null : { quotaNs: quota, periodNs: period, burstNs: burst, phaseNs: null },
    btShares: 1024,
    offline: false,
    ...(memory === undefined ? {} : { memory: groupMemoryOf(memory) }),
    ...(priority === undefined ? {} : { priority }),
    ...(rue === undefined ? {} : { qos: groupQosOf(rue) }),
  };
}

/** Fields that are given, under their names with the unit. */
function given<From extends string>(
  document: Partial<Record<From, unknown>>,
  names: Record<From, string>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const from of Object.keys(names) as From[]) {
    const value = document[from];
    if (value !== undefined) result[names[from]] = value;
  }
  return result;
}

/** As zod's partial schemas yield objects. */
type Loose<T> = { [Key in keyof T]?: T[Key] | undefined };

const BT_NAMES = {
  period: 'periodNs',
  runtime: 'runtimeNs',
  percent: 'percent',
  maxThrottleTime: 'maxThrottleTimeNs',
  loadFair: 'loadFair',
  htIsolate: 'htIsolate',
} as const;
const VMF_NAMES = {
  wakeupPreemption: 'wakeupPreemption',
  activeBalance: 'activeBalance',
  starvationBound: 'starvationBoundNs',
  starvationGrant: 'starvationGrantNs',
} as const;
const COST_NAMES = {
  timerIrq: 'timerIrqNs',
  tick: 'tickNs',
  wakeup: 'wakeupNs',
  schedule: 'scheduleNs',
  switch: 'switchNs',
  syscall: 'syscallNs',
  ipi: 'ipiNs',
  migration: 'migrationNs',
} as const;
const VIRTUALIZATION_NAMES = {
  exit: 'exitNs',
  entry: 'entryNs',
  timerWrite: 'timerWriteNs',
  timer: 'timerNs',
  ipiSend: 'ipiSendNs',
  ipi: 'ipiNs',
} as const;
const MACHINE_NAMES = {
  cpus: 'cpus',
  cpusPerLlc: 'cpusPerLlc',
  threadsPerCore: 'threadsPerCore',
  tickSkew: 'tickSkewNs',
  smtSpeed: 'smtSpeed',
  noise: 'noise',
} as const;
const KERNEL_NAMES = {
  hz: 'hz',
  preemption: 'preemption',
  tunableScaling: 'tunableScaling',
  latency: 'latencyNs',
  minGranularity: 'minGranularityNs',
  wakeupGranularity: 'wakeupGranularityNs',
  idleMinGranularity: 'idleMinGranularityNs',
  migrationCost: 'migrationCostNs',
  features: 'features',
  fair: 'fair',
  baseSlice: 'baseSliceNs',
  bandwidthSlice: 'bandwidthSliceNs',
  rtPeriod: 'rtPeriodNs',
  rtRuntime: 'rtRuntimeNs',
  rrTimeslice: 'rrTimesliceNs',
  fairServer: 'fairServer',
  haltPoll: 'haltPoll',
  paravirtTimeAccounting: 'paravirtTimeAccounting',
  coreSched: 'coreSched',
} as const;

const btOf = (document: Loose<KernelDocument['bt']>) => given(document, BT_NAMES) as Partial<BtTunables>;
const vmfOf = (document: Loose<KernelDocument['vmf']>) => given(document, VMF_NAMES) as Partial<VmfTunables>;

/** The fields of a machine that a document gives. */
export function machineChanges(
  document: Partial<Omit<MachineDocument, 'costs' | 'virtualization' | 'memoryCosts'>> & {
    memoryCosts?: Partial<MachineDocument['memoryCosts']>;
    costs?: Partial<MachineDocument['costs']>;
    virtualization?: Partial<MachineDocument['virtualization']>;
  },
) {
  const { idleStates } = document;
  return {
    ...given<keyof typeof MACHINE_NAMES>(document, MACHINE_NAMES),
    ...(idleStates === undefined
      ? {}
      : {
          idleStates: idleStates.map(({ name, exitLatency, targetResidency }) => ({
            name,
            exitLatencyNs: exitLatency,
            targetResidencyNs: targetResidency,
          })),
        }),
    costs: given(document.costs ?? {}, COST_NAMES) as Partial<MachineCosts>,
    virtualization: given(document.virtualization ?? {}, VIRTUALIZATION_NAMES) as Partial<VirtualizationCosts>,
    ...(document.memoryCosts === undefined ? {} : { memoryCosts: memoryCostsOf(document.memoryCosts) }),
  } as Partial<Omit<Machine, 'costs' | 'virtualization' | 'memoryCosts'>> & {
    memoryCosts?: Partial<MemoryCosts>;
    costs: Partial<MachineCosts>;
    virtualization: Partial<VirtualizationCosts>;
  };
}

/** The fields of a kernel that a document gives. */
export function kernelChanges(document: Partial<KernelDocument>) {
  return {
    ...given<keyof typeof KERNEL_NAMES>(document, KERNEL_NAMES),
    bt: btOf(document.bt ?? {}),
    vmf: vmfOf(document.vmf ?? {}),
  } as Partial<Omit<Kernel, 'bt' | 'vmf'>> & { bt: Partial<BtTunables>; vmf: Partial<VmfTunables> };
}

const machineOf = (name: string, document: MachineDocument) => ({ name, ...machineChanges(document) }) as Machine;
const kernelOf = (name: string, document: KernelDocument) => ({ name, ...kernelChanges(document) }) as Kernel;
