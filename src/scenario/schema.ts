/**
 * The scenario language as one zod schema: it checks documents, resolves units, and yields the JSON Schema with which editors complete
 * and check scenario files.
 */
import { z } from 'zod';
import { codisSchema } from './codis.js';
import {
  freeSchema,
  groupMemorySchema,
  memoryCostsSchema,
  memorySchema,
  readSchema,
  taskMemorySchema,
  touchSchema,
} from './memory.js';
import { cpuList, durationSchema, empty, name, noDuration, positiveTime, time } from './primitives.js';
import { groupQosSchema, prioritySchema, rueSchema } from './rue.js';
import type { Reservation, SchedSettings } from './scenario.js';
import { LONGEST_NS } from './units.js';

/** Limits of a reservation: 2¹⁰ ns of runtime (DL_SCALE), kernel.sched_deadline_period_min_us and _max_us. */
const LEAST_RUNTIME_NS = 1024;
const LEAST_PERIOD_NS = 100_000;
const MOST_PERIOD_NS = 2 ** 22 * 1000;

interface ReservationDocument {
  runtime?: number | undefined;
  deadline?: number | undefined;
  period?: number | undefined;
}

/** A reservation, or its first key that is wrong and what was expected there (__checkparam_dl). */
function reservationOf({ runtime, ...times }: ReservationDocument): Reservation | [key: string, expectation: string] {
  const deadline = times.deadline ?? times.period;
  const period = times.period ?? times.deadline;
  if (runtime === undefined) return ['runtime', 'expected a duration for class deadline, found nothing'];
  if (deadline === undefined || period === undefined) {
    return ['period', 'expected a duration for class deadline, or a deadline, found nothing'];
  }
  if (runtime < LEAST_RUNTIME_NS) return ['runtime', `expected at least ${LEAST_RUNTIME_NS}ns`];
  if (runtime > deadline) return ['runtime', 'expected at most the deadline'];
  if (deadline > period) return ['deadline', 'expected at most the period'];
  if (period < LEAST_PERIOD_NS || period > MOST_PERIOD_NS) return ['period', 'expected 100us to 4194304us'];
  return { runtimeNs: runtime, deadlineNs: deadline, periodNs: period };
}

/** How a task is scheduled. */
export const schedSchema = z
  .strictObject({
    class: z
      .enum(['deadline', 'fifo', 'rr', 'vmf', 'fair', 'batch', 'idle', 'bt'])
      .describe('scheduling class or policy'),
    nice: z.int().min(-20).max(19).default(0).describe('fair, batch, bt: −20 … 19'),
    priority: z.int().min(0).max(99).optional().describe('fifo, rr: 1 … 99, the highest first; vmf: 0 … 7, 0 first'),
    runtime: positiveTime.optional().describe('deadline: runtime in every period'),
    deadline: positiveTime.optional().describe('deadline: due so long after a period’s begin; default: the period'),
    period: positiveTime.optional().describe('deadline: 100us … 4194304us; default: the deadline'),
  })
  .transform((value, context): SchedSettings => {
    const realTime = value.class === 'fifo' || value.class === 'rr';
    const priority = value.priority ?? (realTime ? 50 : 0);
    const [least, most] = realTime ? [1, 99] : value.class === 'vmf' ? [0, 7] : [0, 0];
    if (priority < least || priority > most) {
      const range = most === 0 ? 'none' : `${least} to ${most}`;
      context.addIssue({
        code: 'custom',
        path: ['priority'],
        message: `expected ${range} for class ${value.class}, found ${priority}`,
      });
    }
    const settings = { class: value.class, nice: value.nice, priority };
    const complain = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (value.class !== 'deadline') {
      for (const key of ['runtime', 'deadline', 'period'] as const) {
        if (value[key] !== undefined) complain(key, `expected none for class ${value.class}`);
      }
      return settings;
    }
    const reservation = reservationOf(value);
    if (!Array.isArray(reservation)) return { ...settings, reservation };
    complain(...reservation);
    return z.NEVER;
  });

type StepDocument = z.infer<typeof plainStep> | { loop: LoopDocument };
type LoopDocument = StepDocument[] | { times?: number | undefined; do: StepDocument[] };

const timerSchema = z.union([
  positiveTime.transform((period) => ({
    period,
    phase: undefined,
    missed: 'skip' as const,
    name: 't',
    shared: false,
    distance: 0,
  })),
  z.strictObject({
    period: positiveTime,
    phase: time.optional().describe('the grid is phase + k × period; default: from when the task first comes here'),
    missed: z.enum(['skip', 'keep', 'run', 'rebase']).default('skip').describe('what becomes of periods already past'),
    name: name.default('t'),
    shared: z.boolean().default(false).describe('one timer for all tasks that name it'),
    distance: time.default(0).describe('instance i: period + i × distance, as cyclictest -d'),
  }),
]);

const recordSchema = z.union([
  name.transform((recorder) => ({ recorder, since: 'timer' as const, binsUs: 0 })),
  z.strictObject({
    recorder: name,
    since: z.enum(['timer', 'stamp', 'mark']).default('timer'),
    binsUs: z.int().min(0).max(1_000_000).default(0).describe('also count whole microseconds below this, per instance'),
  }),
]);

const indexSchema = z
  .union(
    [z.int().min(0).max(65_535), z.enum(['own', 'origin', 'key']), z.strictObject({ own: z.int().min(0).max(65_535) })],
    { error: 'expected a number, own, origin, key or {own: number}' },
  )
  .describe('of an array of channels: a number, the own instance’s (from a number on), by the message’s origin or key');
const sendSchema = z.union([
  name.transform((channel) => ({ channel })),
  z.strictObject({ channel: name, index: indexSchema }),
]);
const receiveSchema = z.union([
  name.transform((channel) => ({ channel })),
  z.strictObject({
    channel: name,
    index: indexSchema.optional(),
    batch: z.int().min(1).max(65_536).optional().describe('most messages at a time'),
  }),
]);

const plainStep = z.union([
  z.strictObject({
    run: z
      .union(
        [
          durationSchema,
          z.strictObject({ base: durationSchema, each: time.describe('for each message that it holds') }),
        ],
        { error: noDuration },
      )
      .describe('compute in user mode'),
  }),
  z.strictObject({
    kernel: durationSchema.describe('compute in the kernel, not preemptible under preemption none and voluntary'),
  }),
  z.strictObject({ irqoff: durationSchema.describe('compute with interrupts off') }),
  z.strictObject({ busy: durationSchema.describe('stay busy until this much time has passed') }),
  z.strictObject({ sleep: durationSchema }),
  z.strictObject({ timer: timerSchema.describe('sleep until the next period') }),
  z.strictObject({ stamp: empty.describe('begin of a measured interval') }),
  z.strictObject({ arrive: durationSchema.describe('sleep until the next arrival, and be stamped with its time') }),
  z.strictObject({ mark: empty.describe('a second stamp, which messages carry; answers come to this instance') }),
  z.strictObject({
    key: z.array(z.int().min(0).max(65_535)).min(1).max(65_536).describe('draw a key for messages from these'),
  }),
  z.strictObject({ record: recordSchema.describe('end of a measured interval') }),
  z.strictObject({ wait: z.union([name, z.strictObject({ condition: name, mutex: name.optional() })]) }),
  z.strictObject({ signal: name.describe('wake one waiter of a condition') }),
  z.strictObject({ broadcast: name.describe('wake all waiters of a condition') }),
  z.strictObject({ lock: name }),
  z.strictObject({ unlock: name }),
  z.strictObject({ send: sendSchema.describe('a message into a channel') }),
  z.strictObject({ receive: receiveSchema.describe('wait for a message from a channel') }),
  z.strictObject({ serve: empty.describe('run the fibers that run on this task, for ever') }),
  z.strictObject({ barrier: name }),
  z.strictObject({ suspend: empty.describe('sleep until resumed') }),
  z.strictObject({ resume: name.describe('wake a suspended task') }),
  z.strictObject({ fork: name.describe('start one more instance of a task with start: fork') }),
  z.strictObject({ exec: empty.describe('begin another program: the idlest CPU is looked for anew') }),
  z.strictObject({ yield: empty }),
  z.strictObject({ policy: schedSchema }),
  z.strictObject({ touch: touchSchema.describe('touch pages of an area') }),
  z.strictObject({ read: readSchema.describe('read pages of a file') }),
  z.strictObject({ free: freeSchema.describe('give the pages of an area back') }),
  z.strictObject({ exit: empty }),
]);

const step: z.ZodType<StepDocument> = z.lazy(() =>
  z.union([plainStep, z.strictObject({ loop: loopSchema })], { error: 'expected a step such as {run: 2ms}' }),
);
const loopSchema: z.ZodType<LoopDocument> = z.lazy(() =>
  z.union([
    z.array(step).min(1),
    z.strictObject({ times: z.int().min(1).max(4e9).optional(), do: z.array(step).min(1) }),
  ]),
);

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
  program: z.array(step).min(1),
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

const cost = time.refine((ns) => ns <= 1e9, 'expected at most 1s');

const costsSchema = z.strictObject({
  timerIrq: cost.describe('timer interrupt, until its first handler'),
  tick: cost.describe('scheduler tick handler'),
  wakeup: cost.describe('try_to_wake_up'),
  schedule: cost.describe('schedule(), until the switch'),
  switch: cost.describe('the switch, until the next task runs'),
  syscall: cost.describe('entry and exit of a system call that sleeps'),
  ipi: cost.describe('reschedule interrupt to another CPU'),
  migration: cost.describe('cache refill after a migration'),
});

const virtualizationFields = {
  exit: cost.describe('from a guest to the host’s kernel'),
  entry: cost.describe('and back'),
  timerWrite: cost.describe('a guest programs its timer'),
  timer: cost.describe('delivery of a timer interrupt to a guest that runs, over bare metal’s'),
  ipiSend: cost.describe('a guest sends an interrupt to another of its CPUs'),
  ipi: cost.describe('delivery of that to a CPU that runs, over bare metal’s'),
};

/** KVM on a current server processor. */
const VIRTUALIZATION = {
  // A round trip of 1.2 us with mitigations of speculation, half each way: assumption.
  exit: '600ns',
  entry: '600ns',
  // Handled right behind the exit since 5.8 (handle_fastpath_set_tscdeadline): assumption.
  timerWrite: '800ns',
  // 2400 cycles from expiry to handler (tscdeadline_latency of kvm-unit-tests, commit ce7a058a2117) at 2.7 GHz.
  timer: '900ns',
  // Writing the ICR exits; with posted interrupts the receiver does not: assumption.
  ipiSend: '1us',
  ipi: 0 as const,
};

const noiseSchema = z.strictObject({
  name,
  interval: durationSchema,
  length: durationSchema,
  kind: z.enum(['irq', 'preemptoff']),
});

const idleStateSchema = z.strictObject({ name, exitLatency: time, targetResidency: time });

const machineFields = {
  description: z.string().optional(),
  cpus: z.int().min(1).max(1024),
  cpusPerLlc: z.int().min(1).max(1024).describe('CPUs that share a last-level cache'),
  threadsPerCore: z.int().min(1).max(8).describe('hyper-threads of a core, consecutive CPU numbers'),
  tickSkew: time.describe('how much later each CPU ticks than the one before (skew_tick)'),
  smtSpeed: z
    .number()
    .min(0.1)
    .max(1)
    .describe('speed of each of two busy threads of a core, in parts of what one does alone'),
  costs: costsSchema,
  virtualization: z.strictObject(virtualizationFields),
  memoryCosts: memoryCostsSchema.describe('what memory operations cost'),
  idleStates: z.array(idleStateSchema).max(16),
  noise: z.array(noiseSchema).max(64),
};

/**
 * Memory operations on an ordinary server. Facts: an order-0 page from a CPU's list 30-60 ns, a refill of 63 pages 2-5 us, clearing 60-200 ns, a minor fault
 * 0.5-1 us; the others are assumptions, a third to a fifth of what the recorded machine's instructions take (machines/qemu-icount.yaml).
 */
const ORDINARY_MEMORY: z.input<typeof memoryCostsSchema> = {
  hit: '5ns',
  fault: '700ns',
  refill: '300ns',
  refillPage: '50ns',
  lruAdd: '1us',
  read: '300ns',
  readPage: '250ns',
  readaheadPage: '200ns',
  io: '2us',
  wait: '1us',
  pass: '800ns',
  direct: '1us',
  groupPass: '800ns',
  batch: '300ns',
  scan: '150ns',
  rmap: '300ns',
  steal: '450ns',
  pageout: '2us',
  deactivate: '150ns',
  free: '150ns',
};

/** A machine preset's file. */
export const machineSchema = z.strictObject({
  ...machineFields,
  threadsPerCore: machineFields.threadsPerCore.default(1),
  tickSkew: machineFields.tickSkew.default(0),
  // Two busy threads of a core do 1.2 to 1.3 times the work of one: assumption.
  smtSpeed: machineFields.smtSpeed.default(0.625),
  virtualization: machineFields.virtualization.prefault(VIRTUALIZATION),
  memoryCosts: machineFields.memoryCosts.prefault(ORDINARY_MEMORY),
});

const runtime = z.union([z.literal('unlimited').transform(() => -1), time]);

/** /sys/kernel/debug/sched/features, as far as the model has them. */
const FEATURES = [
  'GENTLE_FAIR_SLEEPERS',
  'START_DEBIT',
  'LAST_BUDDY',
  'WAKEUP_PREEMPTION',
  'ALT_PERIOD',
  'BASE_SLICE',
  'SIS_UTIL',
  'SIS_PROP',
  'NI_RANDOM',
  'UTIL_EST',
  'PLACE_LAG',
  'PLACE_DEADLINE_INITIAL',
  'PLACE_REL_DEADLINE',
  'RUN_TO_PARITY',
  'PREEMPT_SHORT',
  'DELAY_DEQUEUE',
  'DELAY_ZERO',
  'PICK_BUDDY',
] as const;

const kernelFields = {
  description: z.string().optional(),
  hz: z.literal([100, 250, 300, 1000]),
  preemption: z
    .enum(['none', 'voluntary', 'full', 'lazy'])
    .describe('preempt=: when kernel code is left for a task that should go first'),
  tunableScaling: z.enum(['none', 'log']),
  latency: positiveTime.describe('sched_latency_ns, before scaling'),
  minGranularity: positiveTime,
  wakeupGranularity: time,
  idleMinGranularity: positiveTime,
  migrationCost: time,
  features: z.array(z.enum(FEATURES)),
  fair: z.enum(['cfs-4.14', 'cfs-6.1', 'eevdf-6.6', 'eevdf-6.12', 'eevdf-6.18']).describe('the fair class'),
  baseSlice: positiveTime.describe('EEVDF: base_slice_ns, before scaling'),
  bandwidthSlice: positiveTime.describe('kernel.sched_cfs_bandwidth_slice_us'),
  rtPeriod: positiveTime,
  rtRuntime: runtime,
  rrTimeslice: positiveTime,
  fairServer: z
    .strictObject({ runtime: positiveTime, period: positiveTime })
    .transform(({ runtime: runtimeNs, period: periodNs }) => ({ runtimeNs, periodNs }))
    .nullable()
    .describe('6.12: what fair tasks get however busy the real-time class is'),
  haltPoll: z
    .strictObject({ most: time, shrink: z.int().min(0).max(1000) })
    .transform(({ most: mostNs, shrink }) => ({ mostNs, shrink }))
    .describe('kvm: halt_poll_ns, halt_poll_ns_shrink'),
  paravirtTimeAccounting: z
    .boolean()
    .describe('PARAVIRT_TIME_ACCOUNTING: a guest does not charge steal time to tasks (off in Debian)'),
  coreSched: z.boolean().describe('CONFIG_SCHED_CORE: the threads of a core run tasks of one cookie only'),
};

const percent = z.int().min(0).max(100);

const btFields = {
  period: positiveTime.describe('kernel.sched_bt_period_us'),
  runtime: runtime.describe('kernel.sched_bt_runtime_us'),
  percent: z.union([percent, z.array(percent).min(1)]).describe('/proc/offline/cpuN, one for all or a list'),
  loadFair: z.boolean().describe('kernel.sched_bt_load_fair'),
  maxThrottleTime: time.describe('starvation guard of 6.6; 0: none'),
  htIsolate: z.boolean().describe('kernel.cpu_qos_ht_isolate of 6.6: BT leaves the siblings of online tasks'),
};

const vmfFields = {
  wakeupPreemption: z.boolean(),
  activeBalance: z.boolean(),
  starvationBound: time.describe('longest time that lower classes may be kept waiting; 0: no bound'),
  starvationGrant: time.describe('what they get then'),
};

/** A kernel preset's file. */
export const kernelSchema = z.strictObject({
  ...kernelFields,
  fairServer: kernelFields.fairServer.default(null),
  // KVM_HALT_POLL_NS_DEFAULT of x86.
  haltPoll: kernelFields.haltPoll.default({ mostNs: 200_000, shrink: 0 }),
  paravirtTimeAccounting: kernelFields.paravirtTimeAccounting.default(false),
  coreSched: kernelFields.coreSched.default(false),
  bt: z.strictObject({ ...btFields, htIsolate: btFields.htIsolate.default(false) }),
  vmf: z.strictObject(vmfFields),
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

/** A machine or kernel of a scenario: a preset's name or file, or one with changes. */
const machineChoice = z.union([
  z.string(),
  z.strictObject({
    preset: z.string(),
    ...z.strictObject(machineFields).partial().shape,
    costs: costsSchema.partial().optional(),
    virtualization: z.strictObject(virtualizationFields).partial().optional(),
    memoryCosts: memoryCostsSchema.partial().optional(),
  }),
]);
const kernelChoice = z.union([
  z.string(),
  z.strictObject({
    preset: z.string(),
    ...z.strictObject(kernelFields).partial().shape,
    bt: z.strictObject(btFields).partial().optional(),
    vmf: z.strictObject(vmfFields).partial().optional(),
  }),
]);

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
export type MachineDocument = z.infer<typeof machineSchema>;
export type KernelDocument = z.infer<typeof kernelSchema>;
export type { LoopDocument, StepDocument };

/** JSON Schema of scenario files, as people write them. */
export function scenarioJsonSchema(): object {
  return { $id: 'scenario.schema.json', title: 'kpbench scenario', ...z.toJSONSchema(scenarioSchema, { io: 'input' }) };
}
