/**
 * The scenario language as one zod schema: it checks documents, resolves units, and yields the JSON Schema with which editors complete
 * and check scenario files. Its parts: sched_schema.ts, step_schema.ts, machine_schema.ts, kernel_schema.ts, memory.ts, rue.ts, codis.ts.
 */
import { z } from 'zod';
import { codisSchema } from './codis.js';
import { btFields, kernelChoice, kernelFields, vmfFields } from './kernel_schema.js';
import { machineChoice } from './machine_schema.js';
import { groupMemorySchema, memorySchema, taskMemorySchema } from './memory.js';
import { cpuList, name, positiveTime, time } from './primitives.js';
import { groupQosSchema, prioritySchema, rueSchema } from './rue.js';
import { schedSchema } from './sched_schema.js';
import { stepSchema } from './step_schema.js';
import { LONGEST_NS } from './units.js';

export const taskSchema = z.strictObject({
  name,
  count: z
    .union([z.int().min(1).max(1_048_576), z.literal('per-cpu')], { error: 'expected a whole number or per-cpu' })
    .default(1)
    .describe('instances'),
  role: name.optional().describe('what a policy goes by: vcpu, vhost, online, offline, housekeeping, …'),
  sched: schedSchema.optional().describe('the task’s own policy, whatever the scenario’s policy says'),
  cgroup: name.optional(),
  cpus: cpuList.optional().describe('affinity'),
  pin: z.literal('each').optional().describe('bind instance i to the i-th of its CPUs'),
  start: z
    .union([z.literal('fork'), time])
    .default(0)
    .describe('when it starts, or fork: a pool for the fork step'),
  slice: positiveTime
    .refine((ns) => ns >= 1e5 && ns <= 1e8, 'expected 100us to 100ms')
    .optional()
    .describe('EEVDF: a slice of its own, 100us … 100ms (sched_setattr’s sched_runtime)'),
  cookie: name.optional().describe('core scheduling: shares a core only with tasks of the same cookie (PR_SCHED_CORE)'),
  runsOn: name.optional().describe('the task whose threads serve its instances as fibers'),
  memory: taskMemorySchema.optional().describe('what it has in memory'),
  timerSlack: time.optional().describe('default 50us, 0 in the deadline, fifo, rr and vmf classes'),
  program: z.array(stepSchema).min(1),
});

/** A cgroup's settings of the fair class. */
const roleGroupSchema = z.strictObject({
  weight: z.int().min(1).max(10_000).default(100).describe('cpu.weight'),
  idle: z.boolean().default(false).describe('cpu.idle: the whole group as SCHED_IDLE'),
  quota: positiveTime.optional().describe('cpu.max: CPU time a period'),
  period: positiveTime.default(100e6).describe('cpu.max: 1ms … 1s'),
  burst: time.default(0).describe('cpu.max.burst: unused quota that may be kept, up to the quota'),
  memory: groupMemorySchema.optional().describe('its memory controller'),
  priority: prioritySchema.optional(),
  rue: groupQosSchema.optional().describe('its memory QoS (TencentOS)'),
});

const cgroupSchema = z.strictObject({
  name,
  parent: name.optional(),
  ...roleGroupSchema.shape,
  btShares: z.int().min(2).max(262_144).default(1024).describe('cpu.bt_shares (TencentOS)'),
  offline: z.boolean().default(false).describe('cpu.offline: tasks that are not real-time run in the BT class'),
  cpus: cpuList.optional().describe('cpuset.cpus'),
});

/** A policy's file. */
export const policySchema = z.strictObject({
  name: name.optional(),
  base: z.string().optional().describe('a policy whose roles, cgroups and switches hold where this one has none'),
  description: z.string().default(''),
  default: schedSchema.prefault({ class: 'fair' }).describe('tasks whose role is not listed'),
  roles: z.record(name, schedSchema).default({}),
  coreSched: kernelFields.coreSched.optional(),
  cookies: z.record(name, name).default({}).describe('core-scheduling cookies of roles'),
  cgroups: z.record(name, roleGroupSchema).default({}).describe('a cgroup for the tasks of a role that have none'),
  kernel: z.string().optional().describe('the kernel that has this policy, instead of the scenario’s'),
  bt: z.strictObject(btFields).partial().default({}),
  vmf: z.strictObject(vmfFields).partial().default({}),
  rue: rueSchema.optional().describe('RUE: memory QoS; default: off'),
});

/** A virtual machine. */
const guestSchema = z.strictObject({
  name,
  count: z.int().min(1).max(1024).default(1).describe('so many alike'),
  vcpus: z.int().min(1).max(1024),
  kernel: kernelChoice.default('linux-6.1'),
  policy: z
    .union([z.string(), policySchema])
    .default('cfs')
    .describe('inside the guest: a policy’s name, file, or itself'),
  vcpu: taskSchema
    .pick({ role: true, sched: true, cgroup: true, cpus: true, pin: true, cookie: true })
    .prefault({})
    .describe('the threads of the host that run its CPUs: tasks `name/vcpu`, role vcpu by default'),
  cgroups: z.array(cgroupSchema).max(1000).default([]),
  tasks: z.array(taskSchema).min(1),
});

/** A scenario file. */
export const scenarioSchema = z
  .strictObject({
    name: name.optional().describe('default: the file’s name'),
    description: z.string().default(''),
    duration: positiveTime.refine((ns) => ns < LONGEST_NS, 'expected less than 104 days'),
    machine: machineChoice.default('server-8'),
    kernel: kernelChoice.default('linux-6.1'),
    policy: z.union([z.string(), policySchema]).default('cfs').describe('a policy’s name, file, or itself'),
    cgroups: z.array(cgroupSchema).max(1000).default([]),
    memory: memorySchema.optional().describe('the machine’s memory; without it, memory is not simulated'),
    psi: z
      .boolean()
      .optional()
      .describe('pressure stall information of the host and its cgroups; default: where memory is simulated'),
    codis: codisSchema.optional().describe('a Redis cluster behind codis proxies, and its clients'),
    tasks: z.array(taskSchema).optional(),
    guests: z.array(guestSchema).max(1024).default([]),
  })
  .superRefine(({ tasks, codis, guests }, context) => {
    if (codis !== undefined || guests.length > 0 || (tasks?.length ?? 0) > 0) return;
    const message =
      tasks === undefined ? 'expected a list, found nothing' : 'expected at least 1 in the list, found []';
    context.addIssue({ code: 'custom', path: ['tasks'], message });
  });

export type ScenarioDocument = z.infer<typeof scenarioSchema>;
export type ScenarioInput = z.input<typeof scenarioSchema>;
export type GuestDocument = z.infer<typeof guestSchema>;
export type TaskDocument = z.infer<typeof taskSchema>;
export type TaskInput = z.input<typeof taskSchema>;
export type RoleGroupDocument = z.infer<typeof roleGroupSchema>;
export type PolicyDocument = z.infer<typeof policySchema>;

/** JSON Schema of scenario files, as people write them. */
export function scenarioJsonSchema(): object {
  return { $id: 'scenario.schema.json', title: 'kpbench scenario', ...z.toJSONSchema(scenarioSchema, { io: 'input' }) };
}
