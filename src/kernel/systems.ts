/** The kernels of a scenario, the host's and those of its guests, and the wait queues that they have and share. */
import type { CgroupSpec, Guest, Kernel, Machine, Scenario, TaskSpec } from '../scenario/scenario.js';
import { withKswapd } from './memory.js';
import { observesPressure } from './pressure.js';
import { Names } from './program.js';
import { Table } from './tables.js';

/** A kernel and its machine: the host, or one of the machines that it runs. */
export interface System {
  /** The guest that it is, and which instance; null: the host. */
  guest: string | null;
  instance: number;
  /** Before the names of its tasks in what must be its own, such as random streams; the host has none. */
  prefix: string;
  bootNs: number;
  rtPhaseNs: number | null;
  /** Whether its pressure is observed. */
  psi: boolean;
  cgroupsMadeNs?: number;
  machine: Machine;
  kernel: Kernel;
  cgroups: CgroupSpec[];
  tasks: TaskSpec[];
}

const prefixOf = (guest: string, instance: number): string => (instance === 0 ? `${guest}/` : `${guest}#${instance}/`);

/** All kernels of a scenario, the host's first. */
export function systemsOf(scenario: Scenario): System[] {
  const guests = scenario.guests.flatMap((guest) =>
    Array.from({ length: guest.count }, (_, instance): System => {
      const prefix = prefixOf(guest.name, instance);
      return { ...guest, guest: guest.name, instance, prefix, bootNs: 0, rtPhaseNs: null, psi: false };
    }),
  );
  const psi = observesPressure(scenario);
  return [{ ...scenario, psi, tasks: withKswapd(scenario), guest: null, instance: 0, prefix: '' }, ...guests];
}

/** Numbers of the CPUs of all kernels, in order: each kernel's first. */
export function firstCpus(systems: readonly System[]): number[] {
  let next = 0;
  return systems.map(({ machine }) => {
    next += machine.cpus;
    return next - machine.cpus;
  });
}

/** Wait queues by kernel, kind and name. */
export class WaitQueues extends Names {
  readonly #sizes = new Map<number, number>();
  readonly #shared = new Set<number>();
  readonly #guests: Guest[];

  constructor(guests: Guest[]) {
    super();
    this.#guests = guests;
  }

  /** So many more tasks use this barrier, which waits for all of them. */
  join(barrier: string, tasks: number): void {
    const number = this.of(barrier);
    this.#sizes.set(number, (this.#sizes.get(number) ?? 0) + tasks);
  }

  /** The host's name `guest/channel` is that guest's channel, of which each of its instances has one; null: it is none. */
  ofGuests(name: string): { first: number; size: number } | null {
    const guest = this.#guests.find((one) => name.startsWith(`${one.name}/`));
    if (guest === undefined) return null;
    const own = name.slice(guest.name.length + 1);
    const all = Array.from({ length: guest.count }, (_, instance) =>
      this.of(`${prefixOf(guest.name, instance)}channel:${own}`),
    );
    for (const number of all) this.#shared.add(number);
    return { first: all[0] ?? 0, size: guest.count };
  }

  get table(): Table<'WaitQueueTable'> {
    const table = new Table('WaitQueueTable');
    for (let number = 0; number < this.count; number++) {
      table.add({ size: this.#sizes.get(number) ?? 0, shared: this.#shared.has(number) ? 1 : 0 });
    }
    return table;
  }
}
