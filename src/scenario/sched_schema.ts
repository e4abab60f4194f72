/** How a task is scheduled, as documents say it: class, nice, priority, or a reservation. */
import { z } from 'zod';
import { positiveTime } from './primitives.js';
import type { Reservation, SchedSettings } from './scenario.js';

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
