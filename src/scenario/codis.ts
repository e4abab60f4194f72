/**
 * codis as a scenario: clients, proxies with their goroutines on a few operating-system threads, and Redis servers, each a single thread.
 *
 *                  ┌─ proxy: `procs` threads ───────────────────────────────┐
 *   connection i ─►│ session-reader i ─ by slot ─► backend-writer k ────────┼─► redis k: all that has come, one after another
 *                ◄─┤ session-writer i ◄─ by origin ─ backend-reader k ◄─────┼──
 *                  └────────────────────────────────────────────────────────┘
 *
 * After CodisLabs/codis 3.2: pkg/proxy/session.go (a reader and a writer goroutine a client), pkg/proxy/backend.go (one pipelined connection
 * a proxy and server, backend_primary_parallel = 1, a writer and a reader goroutine each; a flush when nothing more is queued),
 * pkg/models/slots.go (1024 slots). Simplified: a writer flushes what it found queued when it began (never in between, after 1 ms or half of the
 * largest pipeline), a session's answers may overtake each other, keys fall into slots evenly, no multi-key commands, no slots under migration.
 */
import { z } from 'zod';
import { cpuList, time } from './primitives.js';
import type { TaskInput } from './schema.js';

/** pkg/models/slots.go MaxSlotNum. */
const SLOTS = 1024;

/** CPU time of a stage: of one system call and of each request that it serves. */
const stage = (baseNs: number, eachNs: number) =>
  z
    .strictObject({ base: time.default(baseNs), each: time.default(eachNs) })
    .prefault({})
    .describe('CPU time of a batch, and of each request in it');

/**
 * Where a stage's time goes is an assumption (a pipelined request is worth each, the rest is system calls); the sums are not: a proxy needs 20
 * to 25 µs a request, 4 to 5 µs when clients pipeline, and Redis 1 to 2 µs and 6 to 8 µs of system calls, by the published benchmark of
 * codis and Redis's own. docs/reproduction.md says which two of these numbers were fitted, to what.
 */
const costsSchema = z.strictObject({
  client: stage(3_600, 650).describe('the load generator'),
  sessionReader: stage(4_200, 900),
  backendWriter: stage(2_400, 600),
  redis: stage(6_000, 1_500),
  backendReader: stage(3_200, 600),
  sessionWriter: stage(3_200, 600),
});

const most = (limit: number) => z.int().min(1).max(limit);

export const codisSchema = z.strictObject({
  clients: most(10_000).default(64).describe('connections'),
  pipeline: most(1_000).default(1).describe('requests that a connection writes at a time'),
  rate: z
    .number()
    .refine((rate) => rate > 0 && rate <= 1e7, 'expected more than 0 and at most 10 million requests a second')
    .optional()
    .describe('open loop: requests a second in all; default: closed loop without think time'),
  burst: most(10_000).default(1).describe('open loop: requests that arrive at once; bursts are a Poisson process'),
  clientThreads: most(64).default(1).describe('threads of the load generator'),
  clientCpus: cpuList.optional().describe('CPUs of the load generator alone: as if it were another machine'),
  cpus: cpuList.optional().describe('CPUs of proxies and servers'),
  proxies: most(16).default(1),
  procs: most(64).default(4).describe('threads of a proxy (--ncpu)'),
  slots: z
    .array(z.int().min(0).max(SLOTS))
    .min(1)
    .max(64)
    .refine((slots) => sum(slots) === SLOTS, {
      error: ({ input }) => `expected slots that sum to ${SLOTS}, found ${sum(input as number[])}`,
    })
    .default([256, 256, 256, 256])
    .describe('slots of each Redis server'),
  costs: costsSchema.prefault({}),
});

export type CodisDocument = z.infer<typeof codisSchema>;
type Program = TaskInput['program'];
type Stage = { base: number; each: number };

/** Most messages that a goroutine or a server takes at a time. A socket's buffer holds more (assumption). */
const BATCH = 32;
const REDIS_BATCH = 1024;

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const ns = (duration: number) => `${duration}ns`;
const run = ({ base, each }: Stage) => ({ run: { base: ns(base), each: ns(each) } });
const forever = (...steps: Program): Program => [{ loop: steps }];
const serve: Program = [{ serve: {} }];

/** The tasks of a codis cluster and its clients, in the language of scenario files. */
export function codisTasks(options: CodisDocument): TaskInput[] {
  const proxies = Array.from({ length: options.proxies }, (_, proxy) => proxyTasks(options, proxy));
  return [...clientTasks(options), ...proxies.flat(), ...redisTasks(options)];
}

/** The slot map: which server a drawn slot belongs to. */
const serversOfSlots = (slots: readonly number[]) =>
  slots.flatMap((count, server) => new Array<number>(count).fill(server));

function clientTasks({ clients, pipeline, rate, burst, slots, costs, ...options }: CodisDocument): TaskInput[] {
  const cpus = options.clientCpus === undefined ? {} : { cpus: options.clientCpus };
  const threads = { name: 'client', role: 'client', count: options.clientThreads, timerSlack: 0 as const, ...cpus };
  const fiber = { role: 'client', runsOn: 'client', timerSlack: 0 as const };
  const connection = { ...fiber, name: 'connection', count: clients };
  const key = { key: serversOfSlots(slots) };
  const request = { send: { channel: 'requests', index: 'own' as const } };
  const answer = { receive: { channel: 'answers', index: 'own' as const } };
  const response = { record: { recorder: 'response', since: 'stamp' as const } };
  const service = { record: { recorder: 'service', since: 'mark' as const } };
  if (rate === undefined) {
    // As redis-benchmark: the clock runs from when a connection may write until its answer is read.
    const write = [{ loop: { times: pipeline, do: [key, request] } }];
    const read = [{ loop: { times: pipeline, do: [answer, response] } }];
    const work = { run: ns(costs.client.base + pipeline * costs.client.each) };
    return [
      { ...threads, program: serve },
      { ...connection, program: forever({ stamp: {} }, work, ...write, ...read) },
    ];
  }
  const arrivals: TaskInput = {
    ...fiber,
    name: 'arrivals',
    program: forever(
      { arrive: { exponential: ns(Math.max(1, Math.round((burst * 1e9) / rate))) } },
      { loop: { times: burst, do: [key, { send: 'arrived' }] } },
    ),
  };
  const begin = [{ receive: { channel: 'arrived', batch: pipeline } }, { mark: {} }, run(costs.client), request];
  const end = [answer, response, service];
  if (pipeline === 1)
    return [{ ...threads, program: serve }, arrivals, { ...connection, program: forever(...begin, ...end) }];
  // A pipelining connection does not wait for answers before it writes again.
  return [
    { ...threads, program: serve },
    arrivals,
    { ...connection, program: forever(...begin) },
    { ...connection, name: 'answers', program: forever(...end) },
  ];
}

function proxyTasks({ clients, proxies, slots, procs, cpus, costs }: CodisDocument, proxy: number): TaskInput[] {
  const suffix = proxies === 1 ? '' : `-${proxy}`;
  const threads = `proxy${suffix}`;
  // Its sessions are consecutive connections.
  const first = Math.floor((clients * proxy) / proxies);
  const sessions = Math.floor((clients * (proxy + 1)) / proxies) - first;
  if (sessions === 0) return [];
  const own = { own: first };
  const fiber = { role: 'online', runsOn: threads };
  const backend = `backend${suffix}`;
  const take = (channel: string, index: typeof own | number) => ({ receive: { channel, index, batch: BATCH } });
  return [
    { name: threads, role: 'online', count: procs, ...(cpus === undefined ? {} : { cpus }), program: serve },
    {
      ...fiber,
      name: `session-reader${suffix}`,
      count: sessions,
      program: forever(take('requests', own), run(costs.sessionReader), { send: { channel: backend, index: 'key' } }),
    },
    {
      ...fiber,
      name: `session-writer${suffix}`,
      count: sessions,
      program: forever(take('finished', own), run(costs.sessionWriter), { send: { channel: 'answers', index: own } }),
    },
    ...slots.flatMap((_, server): TaskInput[] => {
      const pipe = proxy * slots.length + server;
      return [
        {
          ...fiber,
          name: `backend-writer${suffix}-${server}`,
          program: forever(
            { receive: { channel: backend, index: server, batch: REDIS_BATCH } },
            run(costs.backendWriter),
            {
              key: [pipe],
            },
            { send: { channel: 'redis', index: server } },
          ),
        },
        {
          ...fiber,
          name: `backend-reader${suffix}-${server}`,
          program: forever(take('replies', pipe), run(costs.backendReader), {
            send: { channel: 'finished', index: 'origin' },
          }),
        },
      ];
    }),
  ];
}

/** Event loops: each round serves all that the sockets hold, and writes the replies at its end. */
function redisTasks({ slots, cpus, costs }: CodisDocument): TaskInput[] {
  return slots.map((_, server) => ({
    name: `redis-${server}`,
    role: 'online',
    ...(cpus === undefined ? {} : { cpus }),
    program: forever({ receive: { channel: 'redis', index: server, batch: REDIS_BATCH } }, run(costs.redis), {
      send: { channel: 'replies', index: 'key' },
    }),
  }));
}
