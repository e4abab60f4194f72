/**
 * RUE in the scenario language: cgroup.priority and the files of a group, the parts that a policy switches on, and what must hold between groups.
 */
import { z } from 'zod';
import type { Fail } from './checks.js';
import { positiveTime } from './primitives.js';
import type { CgroupSpec, GroupQos, MemorySpec, Policy, RuePart, RueSpec, Scenario } from './scenario.js';
import { parseSize } from './units.js';

const PAGE_BYTES = 4096;
/** vm.qos_prio_reclaim_ratio as bytes: at least 128 MiB, eight times that unless told otherwise. */
const LEAST_RESERVE_PAGES = 2 ** 15;
const DEFAULT_RESERVE = '1GiB';

/** The parts, in the order of their bits in assembly/mm/rue/rue.ts. */
export const RUE_PARTS = ['tiers', 'reclaim', 'async', 'accelerate', 'speed', 'cache', 'oom', 'latency'] as const;

const size = z.string({ error: 'expected a size such as 64MiB' }).transform((value, context) => {
  const bytes = parseSize(value);
  if (bytes !== null && bytes >= PAGE_BYTES) return Math.floor(bytes / PAGE_BYTES);
  context.addIssue({ code: 'custom', message: `expected a size such as 64MiB, found "${value}"` });
  return z.NEVER;
});

/** cgroup.priority */
export const prioritySchema = z
  .int()
  .min(0)
  .max(7)
  .describe('cgroup.priority: 0 goes first, 7 last; default: the parent’s, 0 at the top');

/** A group's files of RUE. */
export const groupQosSchema = z.strictObject({
  wmarkRatio: z.int().min(-75).max(75).default(0).describe('memory.priority_wmark_ratio'),
  asyncRatio: z.int().min(0).max(100).default(0).describe('memory.async_ratio: percent of high or max; 0: off'),
  asyncDistanceFactor: z.int().min(1).max(150_000).default(1).describe('memory.async_distance_factor: millionths'),
  allocBps: size.optional().describe('memory.alloc_bps: memory a second; default: any'),
  pagecacheMaxRatio: z.int().min(5).max(100).default(100).describe('memory.pagecache.max_ratio: percent; 100: off'),
  pagecacheReclaimRatio: z.int().min(1).max(100).default(5).describe('memory.pagecache.reclaim_ratio'),
});

/** What a policy switches on. */
export const rueSchema = z.strictObject({
  parts: z.array(z.enum(RUE_PARTS)).min(1).describe('parts that are on'),
  highestReclaim: z.int().min(1).max(8).default(8).describe('vm.qos_highest_reclaim_prio: from 1; 8: nobody'),
  reserve: z
    .union([z.int().min(1).max(20), size.refine((pages) => pages >= LEAST_RESERVE_PAGES, 'expected at least 128MiB')], {
      error: 'expected 1 to 20 percent, or a size of at least 128MiB',
    })
    .prefault(DEFAULT_RESERVE)
    .describe('vm.qos_prio_reclaim_ratio: percent of memory (1 to 20) or a size that is to be kept free'),
  latencyTarget: positiveTime.default(100_000).describe('latency: p99 of allocations of the first priorities'),
  latencyPriority: z.int().min(0).max(6).default(0).describe('latency: the last of the priorities that it is for'),
  pagecacheRetries: z.int().min(0).max(100).default(20).describe('vm.pagecache_limit_retry_times'),
});

export type RueDocument = z.output<typeof rueSchema>;

export function groupQosOf(document: z.output<typeof groupQosSchema>): GroupQos {
  const { allocBps, ...others } = document;
  return { ...others, allocPagesPerS: allocBps ?? 0 };
}

/** A group without files of its own. */
export const NO_QOS: GroupQos = groupQosOf(groupQosSchema.parse({}));

export function rueOf(document: RueDocument, memory: MemorySpec | undefined): RueSpec {
  const { reserve, latencyTarget, pagecacheRetries, ...others } = document;
  const isPercent = reserve <= 20;
  return {
    ...others,
    reservePages: isPercent ? Math.floor((managedOf(memory) * reserve) / 100) : reserve,
    latencyTargetNs: latencyTarget,
    cacheRetries: pagecacheRetries,
  };
}

const managedOf = (memory: MemorySpec | undefined): number =>
  memory === undefined ? 0 : memory.zones.dma + memory.zones.dma32 + memory.zones.normal;

/** cgroup.priority of a group: its own, or that of the next one above it that has one. */
export function priorityOf(group: CgroupSpec, groups: readonly CgroupSpec[]): number {
  for (let g: CgroupSpec | undefined = group; g !== undefined; ) {
    if (g.priority !== undefined) return g.priority;
    const { parent }: CgroupSpec = g;
    g = groups.find(({ name }) => name === parent);
  }
  return 0;
}

/** A child does not go before its parent; the reserve must fit. */
export function checkRue({ cgroups, rue, memory }: Scenario, fail: Fail): void {
  cgroups.forEach((group, i) => {
    const parent = cgroups.find(({ name }) => name === group.parent);
    if (parent === undefined || group.priority === undefined) return;
    const least = priorityOf(parent, cgroups);
    if (group.priority >= least) return;
    fail(`cgroups[${i}].priority`, `expected at least its parent’s (${least}), found ${group.priority}`);
  });
  if (rue === undefined) return;
  if (memory === undefined) fail('policy.rue', 'expected memory in the scenario');
  if (rue.reservePages >= managedOf(memory)) fail('policy.rue.reserve', 'expected less than the machine’s memory');
}

/** Parts that are nothing without another one. */
const NEEDS: Partial<Record<RuePart, RuePart>> = { accelerate: 'reclaim' };

/** `rue-only-tiers` or `rue-no-tiers`: the policy `rue` with one part alone, or without one. Null: no such name. */
export function ablationOf(policyName: string): { base: string; keeps: (part: RuePart) => boolean } | null {
  const [, base, how, part] = /^(rue[\w+]*?)-(only|no)-(\w+)$/.exec(policyName) ?? [];
  const chosen = RUE_PARTS.find((known) => known === part);
  if (base === undefined || chosen === undefined) return null;
  return {
    base,
    keeps: (other) =>
      how === 'only' ? other === chosen || NEEDS[chosen] === other : other !== chosen && NEEDS[other] !== chosen,
  };
}

/** The policy with some of its parts. */
export function withParts(policy: Policy, name: string, keeps: (part: RuePart) => boolean): Policy {
  if (policy.rue === null) return { ...policy, name };
  return { ...policy, name, rue: { ...policy.rue, parts: policy.rue.parts.filter(keeps) } };
}
