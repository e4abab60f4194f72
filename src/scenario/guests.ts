/** What must be right about guests as a whole, and the channels that they share with their host. */
import { type Fail, visit } from './checks.js';
import type { Scenario, TaskSpec } from './scenario.js';

/** Names, sizes, and what joins guests and host. */
export function checkGuests(scenario: Scenario, fail: Fail): void {
  const { machine, guests } = scenario;
  guests.forEach((guest, i) => {
    if (guests.findIndex(({ name }) => name === guest.name) !== i) {
      fail(`guests[${i}].name`, `a second guest named "${guest.name}"`);
    }
    if (guest.machine.cpus > machine.cpus) {
      fail(`guests[${i}].vcpus`, `expected at most ${machine.cpus}, the host's CPUs, found ${guest.machine.cpus}`);
    }
  });
  checkGuestChannels(scenario, fail);
}

/** Channels that somebody sends to: the host's, which may be a guest's `guest/channel`, and those of each guest. */
export function channelsSentTo({ tasks, guests }: Scenario): { own: Set<string>; ofGuests: Array<Set<string>> } {
  const sentBy = (list: readonly TaskSpec[]): string[] => {
    const sent: string[] = [];
    for (const task of list) {
      visit(task.program, (step) => {
        if (step.op === 'send') sent.push(step.channel);
      });
    }
    return sent;
  };
  const byHost = sentBy(tasks);
  const byGuests = guests.map((guest) => sentBy(guest.tasks));
  const toHost = guests.flatMap(({ name }, i) => (byGuests[i] ?? []).map((channel) => `${name}/${channel}`));
  const toGuest = (name: string): string[] =>
    byHost.filter((channel) => channel.startsWith(`${name}/`)).map((channel) => channel.slice(name.length + 1));
  return {
    own: new Set([...byHost, ...toHost]),
    ofGuests: guests.map(({ name }, i) => new Set([...(byGuests[i] ?? []), ...toGuest(name)])),
  };
}

/** Guests have one channel of a name that they share with their host, not an array. */
function checkGuestChannels({ tasks, guests }: Scenario, fail: Fail): void {
  const indexed = (list: readonly TaskSpec[], isShared: (channel: string) => boolean, place: string): void => {
    list.forEach(({ program }, i) => {
      visit(program, (step) => {
        if ((step.op !== 'send' && step.op !== 'receive') || step.index === undefined || !isShared(step.channel))
          return;
        fail(`${place}tasks[${i}].program`, `expected no index of channel "${step.channel}" between guest and host`);
      });
    });
  };
  const named = new Set<string>();
  for (const { program } of tasks) {
    visit(program, (step) => {
      if (step.op === 'send' || step.op === 'receive') named.add(step.channel);
    });
  }
  indexed(tasks, (channel) => guests.some(({ name }) => channel.startsWith(`${name}/`)), '');
  guests.forEach(({ name, tasks: own }, i) => {
    indexed(own, (channel) => named.has(`${name}/${channel}`), `guests[${i}].`);
  });
}

/** The host's thread that runs a guest's CPU, by its number among the CPUs of all kernels; null: it is the host's. */
export function threadOf({ machine, guests }: Scenario, cpu: number): string | null {
  let first = machine.cpus;
  if (cpu < first) return null;
  for (const { name, count, machine: own } of guests) {
    const threads = count * own.cpus;
    if (cpu < first + threads) return threads === 1 ? `${name}/vcpu` : `${name}/vcpu/${cpu - first}`;
    first += threads;
  }
  return null;
}
