/** Kernels, as their presets' files and scenarios say them: features, tunables, and the switches of TencentOS's classes. */
import { z } from 'zod';
import { positiveTime, time } from './primitives.js';

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

export const kernelFields = {
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

export const btFields = {
  period: positiveTime.describe('kernel.sched_bt_period_us'),
  runtime: runtime.describe('kernel.sched_bt_runtime_us'),
  percent: z.union([percent, z.array(percent).min(1)]).describe('/proc/offline/cpuN, one for all or a list'),
  loadFair: z.boolean().describe('kernel.sched_bt_load_fair'),
  maxThrottleTime: time.describe('starvation guard of 6.6; 0: none'),
  htIsolate: z.boolean().describe('kernel.cpu_qos_ht_isolate of 6.6: BT leaves the siblings of online tasks'),
};

export const vmfFields = {
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

/** A kernel of a scenario: a preset's name or file, or one with changes. */
export const kernelChoice = z.union([
  z.string(),
  z.strictObject({
    preset: z.string(),
    ...z.strictObject(kernelFields).partial().shape,
    bt: z.strictObject(btFields).partial().optional(),
    vmf: z.strictObject(vmfFields).partial().optional(),
  }),
]);

export type KernelDocument = z.infer<typeof kernelSchema>;
