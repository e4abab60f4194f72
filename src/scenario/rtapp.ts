/**
 * Reads rt-app's JSON as it is (scheduler-tools/rt-app, doc/tutorial.txt) and rewrites it in the scenario language. Keys are ordered and may
 * repeat or carry suffixes (`run0`, `sleep_b`); what a simulation cannot honour is refused by name, with its place.
 */
import { isMap, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml';
import { UserError } from '../errors.js';
import { parseYaml } from './document.js';
import { shown } from './primitives.js';
import type { ScenarioInput } from './schema.js';

type StepInput = Record<string, unknown>;

/** Event keys by prefix, in rt-app's own order of matching. */
const EVENTS = [
  'lock',
  'unlock',
  'wait',
  'signal',
  'broad',
  'sync',
  'sleep',
  'runtime',
  'run',
  'timer',
  'suspend',
  'resume',
  'memrun',
  'mem',
  'iorun',
  'yield',
  'barrier',
  'fork',
  'sem_post',
  'sem_wait',
] as const;
const UNSUPPORTED_EVENTS: ReadonlySet<string> = new Set(['memrun', 'mem', 'iorun', 'fork', 'sem_post', 'sem_wait']);

/** Keys of `global` that change nothing in a simulation: calibration, logging, where it runs. */
const IGNORED_GLOBALS: ReadonlySet<string> = new Set([
  'calibration',
  'logdir',
  'log_basename',
  'log_size',
  'ftrace',
  'gnuplot',
  'lock_pages',
  'io_device',
  'mem_buffer_size',
  'cumulative_slack',
]);
const TASK_KEYS: ReadonlySet<string> = new Set([
  'instance',
  'delay',
  'loop',
  'phases',
  'policy',
  'priority',
  'cpus',
  'taskgroup',
  'dl-runtime',
  'dl-period',
  'dl-deadline',
]);

/** Keys of a SCHED_DEADLINE reservation, in µs, and what they are called here. */
const RESERVATION_KEYS: Readonly<Record<string, 'runtime' | 'period' | 'deadline'>> = {
  'dl-runtime': 'runtime',
  'dl-period': 'period',
  'dl-deadline': 'deadline',
};

/** How a task or phase asks to be scheduled. */
interface PolicyKeys {
  policy: string;
  priority: number | null;
  reservation: { runtime?: number; period?: number; deadline?: number };
}

const CLASSES: Readonly<Record<string, string>> = {
  SCHED_OTHER: 'fair',
  SCHED_BATCH: 'batch',
  SCHED_IDLE: 'idle',
  SCHED_FIFO: 'fifo',
  SCHED_RR: 'rr',
  SCHED_DEADLINE: 'deadline',
};

/** Longest duration of a file that runs until it is stopped. */
const ENDLESS = '10s';

/** The scenario that an rt-app file describes, in the scenario language. */
export function readRtApp(text: string, file: string, name: string): ScenarioInput {
  const { document } = parseYaml(withoutComments(text), file, 'JSON');
  const reader = new RtAppReader(file);
  const root = reader.map(document.contents, '');
  for (const [key] of reader.entries(root)) {
    if (!['global', 'resources', 'tasks'].includes(key)) reader.refuse('', key);
  }
  const tasksNode = root.get('tasks', true);
  if (!isMap(tasksNode)) throw new UserError(file, 'tasks', 'expected an object of tasks');
  const globals = reader.globals(root);
  const tasks = reader.entries(tasksNode).map(([task, value]) => reader.task(task, value, globals.policy));
  return {
    name,
    description: `rt-app ${name}`,
    duration: globals.duration,
    cgroups: reader.cgroups(),
    // The schema checks what was put together here.
    tasks: tasks as ScenarioInput['tasks'],
  };
}

/** rt-app allows comments in its JSON. */
function withoutComments(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (match) =>
    match.startsWith('"') ? match : match.replaceAll(/[^\n]/g, ' '),
  );
}

class RtAppReader {
  readonly #groups = new Set<string>();

  constructor(readonly file: string) {}

  refuse(place: string, key: string): never {
    throw new UserError(this.file, place === '' ? key : `${place}.${key}`, 'rt-app key is not supported');
  }

  map(node: unknown, place: string): YAMLMap {
    if (!isMap(node)) throw new UserError(this.file, place === '' ? null : place, 'expected an object');
    return node;
  }

  entries(map: YAMLMap): Array<[key: string, value: unknown]> {
    return map.items.map((pair: Pair) => [String(isScalar(pair.key) ? pair.key.value : pair.key), pair.value]);
  }

  scalar(node: unknown): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  whole(node: unknown, place: string, least = 0): number {
    const value = this.scalar(node);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
      throw new UserError(this.file, place, `expected a whole number of at least ${least}, found ${shown(value)}`);
    }
    return value;
  }

  text(node: unknown, place: string): string {
    const value = this.scalar(node);
    if (typeof value !== 'string' || value === '') throw new UserError(this.file, place, 'expected a name');
    return value;
  }

  globals(root: YAMLMap): { duration: string; policy: string } {
    const found = { duration: ENDLESS, policy: 'SCHED_OTHER' };
    const node = root.get('global', true);
    if (node === undefined) return found;
    for (const [key, value] of this.entries(this.map(node, 'global'))) {
      if (key === 'duration') {
        const seconds = this.whole(value, 'global.duration', -1);
        if (seconds > 0) found.duration = `${seconds}s`;
      } else if (key === 'default_policy') {
        found.policy = this.text(value, 'global.default_policy');
      } else if (key === 'pi_enabled') {
        if (this.scalar(value) === true)
          throw new UserError(this.file, 'global.pi_enabled', 'priority inheritance is not supported');
      } else if (!IGNORED_GLOBALS.has(key)) {
        this.refuse('global', key);
      }
    }
    return found;
  }

  /** Groups of `taskgroup "/a/b"`, parents first. */
  cgroups(): Array<{ name: string; parent?: string; weight: number }> {
    return [...this.#groups].sort().map((path) => {
      const parent = path.slice(0, path.lastIndexOf('/'));
      return parent === '' ? { name: path, weight: 100 } : { name: path, parent, weight: 100 };
    });
  }

  task(name: string, node: unknown, defaultPolicy: string): Record<string, unknown> {
    const place = `tasks.${name}`;
    const map = this.map(node, place);
    const task: Record<string, unknown> = { name };
    const phases = map.get('phases', true);
    const settings: PolicyKeys = { policy: defaultPolicy, priority: null, reservation: {} };
    const inline: Array<[string, unknown]> = [];
    let loops = -1;
    for (const [key, value] of this.entries(map)) {
      const at = `${place}.${key}`;
      if (key === 'instance') task.count = this.whole(value, at, 1);
      else if (key === 'delay') task.start = `${this.whole(value, at)}us`;
      else if (key === 'loop') loops = this.whole(value, at, -1);
      else if (key === 'policy') settings.policy = this.text(value, at);
      else if (key === 'priority') settings.priority = this.priority(value, at);
      else if (key === 'cpus') task.cpus = this.cpus(value, at);
      else if (key === 'taskgroup') task.cgroup = this.group(value, at);
      else if (key in RESERVATION_KEYS) this.reserve(settings, key, value, at);
      else if (key !== 'phases') inline.push([key, value]);
    }
    if (phases !== undefined && inline[0] !== undefined) this.refuse(place, inline[0][0]);
    const body =
      phases === undefined
        ? this.events(inline, place)
        : this.entries(this.map(phases, `${place}.phases`)).flatMap(([phase, value]) =>
            this.phase(value, `${place}.phases.${phase}`),
          );
    task.sched = this.sched(settings, place);
    task.program = [this.loop(loops, body)];
    return task;
  }

  loop(times: number, body: StepInput[]): StepInput {
    return { loop: times < 0 ? body : { times: Math.max(1, times), do: body } };
  }

  phase(node: unknown, place: string): StepInput[] {
    const entries = this.entries(this.map(node, place));
    const loop = entries.find(([key]) => key === 'loop');
    const settings = entries.find(([key]) => key === 'cpus' || key === 'taskgroup');
    if (settings !== undefined) this.refuse(place, settings[0]);
    const policy = entries.find(([key]) => key === 'policy');
    const priority = entries.find(([key]) => key === 'priority');
    const reservation = entries.filter(([key]) => key in RESERVATION_KEYS);
    const settled = ['loop', 'policy', 'priority', ...Object.keys(RESERVATION_KEYS)];
    const events = entries.filter(([key]) => !settled.includes(key));
    const body = this.events(events, place);
    const alone = priority ?? reservation[0];
    if (policy !== undefined) {
      const value = priority === undefined ? null : this.priority(priority[1], `${place}.priority`);
      const keys: PolicyKeys = {
        policy: this.text(policy[1], `${place}.policy`),
        priority: value,
        reservation: {},
      };
      for (const [key, node] of reservation) this.reserve(keys, key, node, `${place}.${key}`);
      body.unshift({ policy: this.sched(keys, place) });
    } else if (alone !== undefined) {
      this.refuse(place, alone[0]);
    }
    const times = loop === undefined ? 1 : this.whole(loop[1], `${place}.loop`, -1);
    return times === 1 ? body : [this.loop(times, body)];
  }

  reserve({ reservation }: PolicyKeys, key: string, node: unknown, place: string): void {
    const field = RESERVATION_KEYS[key];
    if (field !== undefined) reservation[field] = this.whole(node, place, 1);
  }

  sched({ policy, priority, reservation }: PolicyKeys, place: string): Record<string, unknown> {
    const name = CLASSES[policy];
    if (name === undefined) {
      throw new UserError(
        this.file,
        `${place}.policy`,
        `expected one of ${Object.keys(CLASSES).join(', ')}, found "${policy}"`,
      );
    }
    const { runtime, period = runtime, deadline = period } = reservation;
    if (name === 'deadline') {
      if (runtime === undefined) {
        throw new UserError(this.file, `${place}.dl-runtime`, 'expected a whole number of at least 1, found nothing');
      }
      return { class: name, runtime: `${runtime}us`, deadline: `${deadline}us`, period: `${period}us` };
    }
    const stray = Object.keys(RESERVATION_KEYS).find((key) => (RESERVATION_KEYS[key] as string) in reservation);
    if (stray !== undefined) this.refuse(place, stray);
    const realTime = name === 'fifo' || name === 'rr';
    // rt-app: priority is nice for the fair policies; default 10 for the real-time ones.
    return realTime
      ? { class: name, priority: priority ?? 10 }
      : { class: name, nice: name === 'idle' ? 0 : (priority ?? 0) };
  }

  priority(node: unknown, place: string): number {
    const value = this.scalar(node);
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new UserError(this.file, place, 'expected a whole number');
    return value;
  }

  cpus(node: unknown, place: string): number[] {
    if (!isSeq(node)) throw new UserError(this.file, place, 'expected a list of CPUs');
    return node.items.map((item, i) => this.whole(item, `${place}[${i}]`));
  }

  group(node: unknown, place: string): string {
    const path = this.text(node, place);
    if (!/^(\/[\w.-]+)+$/.test(path))
      throw new UserError(this.file, place, `expected a path such as /group, found "${path}"`);
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) this.#groups.add(path.slice(0, end));
    return path;
  }

  events(entries: ReadonlyArray<[string, unknown]>, place: string): StepInput[] {
    if (entries.length === 0) throw new UserError(this.file, place, 'expected at least one event, such as "run": 1000');
    return entries.flatMap(([key, value]) => {
      const event = TASK_KEYS.has(key) ? undefined : EVENTS.find((prefix) => key.startsWith(prefix));
      if (event === undefined || UNSUPPORTED_EVENTS.has(event)) return this.refuse(place, key);
      return this.event(event, value, `${place}.${key}`);
    });
  }

  event(event: (typeof EVENTS)[number], node: unknown, place: string): StepInput[] {
    const us = (): string => `${this.whole(node, place)}us`;
    switch (event) {
      case 'run':
        return [{ run: us() }];
      case 'runtime':
        return [{ busy: us() }];
      case 'sleep':
        return [{ sleep: us() }];
      case 'timer':
        return [this.timer(node, place)];
      case 'lock':
        return [{ lock: this.text(node, place) }];
      case 'unlock':
        return [{ unlock: this.text(node, place) }];
      case 'signal':
        return [{ signal: this.text(node, place) }];
      case 'broad':
        return [{ broadcast: this.text(node, place) }];
      case 'wait':
      case 'sync': {
        const map = this.map(node, place);
        const condition = this.text(map.get('ref', true), `${place}.ref`);
        const mutex = this.text(map.get('mutex', true), `${place}.mutex`);
        // `sync` wakes its partner and then waits for it.
        const wait = { wait: { condition, mutex } };
        return event === 'sync' ? [{ broadcast: condition }, wait] : [wait];
      }
      case 'barrier':
        return [{ barrier: this.text(node, place) }];
      case 'suspend':
        return [{ suspend: {} }];
      case 'resume':
        return [{ resume: this.text(node, place) }];
      default:
        return [{ yield: {} }];
    }
  }

  /** Timers of one name are shared by all threads, unless the name begins with "unique". */
  timer(node: unknown, place: string): StepInput {
    const map = this.map(node, place);
    for (const [key] of this.entries(map)) if (!['ref', 'period', 'mode'].includes(key)) this.refuse(place, key);
    const name = this.text(map.get('ref', true), `${place}.ref`);
    const period = `${this.whole(map.get('period', true), `${place}.period`, 1)}us`;
    const mode = this.scalar(map.get('mode', true)) ?? 'relative';
    if (mode !== 'relative' && mode !== 'absolute') {
      throw new UserError(this.file, `${place}.mode`, 'expected "relative" or "absolute"');
    }
    return {
      timer: { period, name, shared: !name.startsWith('unique'), missed: mode === 'relative' ? 'rebase' : 'run' },
    };
  }
}
