/** The steps of task programs, as documents write them. */
import { z } from 'zod';
import { allocSchema, freeSchema, readSchema, touchSchema, writeSchema } from './memory.js';
import { durationSchema, empty, name, noDuration, positiveTime, time } from './primitives.js';
import { schedSchema } from './sched_schema.js';

export type StepDocument = z.infer<typeof plainStep> | { loop: LoopDocument };
export type LoopDocument = StepDocument[] | { times?: number | undefined; do: StepDocument[] };

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
  z.strictObject({ write: writeSchema.describe('write whole pages of a file') }),
  z.strictObject({ free: freeSchema.describe('give the pages of an area back') }),
  z.strictObject({ alloc: allocSchema.describe('the kernel takes pages for the task, charged to nobody') }),
  z.strictObject({ release: empty.describe('the kernel gives all these pages back') }),
  z.strictObject({ exit: empty }),
]);

export const stepSchema: z.ZodType<StepDocument> = z.lazy(() =>
  z.union([plainStep, z.strictObject({ loop: loopSchema })], { error: 'expected a step such as {run: 2ms}' }),
);
const loopSchema: z.ZodType<LoopDocument> = z.lazy(() =>
  z.union([
    z.array(stepSchema).min(1),
    z.strictObject({ times: z.int().min(1).max(4e9).optional(), do: z.array(stepSchema).min(1) }),
  ]),
);
