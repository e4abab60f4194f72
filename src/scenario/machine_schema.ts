/** Machines, as their presets' files and scenarios say them: CPUs, caches, and what every operation costs. */
import { z } from 'zod';
import { memoryCostsSchema } from './memory.js';
import { durationSchema, name, time } from './primitives.js';

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
  write: '400ns',
  writePage: '300ns',
  writeback: '1us',
  charge: '30ns',
  pass: '200ns',
  direct: '1us',
  balance: '900ns',
  groupPass: '800ns',
  batch: '300ns',
  scan: '150ns',
  rmap: '300ns',
  steal: '450ns',
  buffers: '100ns',
  pageout: '2us',
  deactivate: '150ns',
  free: '150ns',
  hugeFault: '100us',
  compactScan: '20ns',
  migrate: '1us',
  vmpressure: '500ns',
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

/** A machine of a scenario: a preset's name or file, or one with changes. */
export const machineChoice = z.union([
  z.string(),
  z.strictObject({
    preset: z.string(),
    ...z.strictObject(machineFields).partial().shape,
    costs: costsSchema.partial().optional(),
    virtualization: z.strictObject(virtualizationFields).partial().optional(),
    memoryCosts: memoryCostsSchema.partial().optional(),
  }),
]);

export type MachineDocument = z.infer<typeof machineSchema>;
