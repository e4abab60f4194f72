/**
 * The event queue: a 64-ary hierarchical timing wheel, exact to the nanosecond.
 *
 * A time t lies on the level of the highest 6-bit digit in which it differs from the last popped time, in the slot of that digit.
 * Slots are doubly linked lists, so cancelling is O(1), and cascading keeps their order: equal times pop in the order of insertion.
 * The method is Varghese and Lauck's (SOSP '87); tests/assembly/base/wheel.test.ts holds it against an ordered list.
 *
 *     level 10          level 1            level 0
 *   ┌──┬─…─┬──┐       ┌──┬─…─┬──┐        ┌──┬──┬─…─┬──┐
 *   │ 0│   │63│  …    │ 0│   │63│        │ 0│ 1│   │63│   64 slots a level, one u64 of occupancy a level,
 *   └──┴─…─┴──┘       └──┴─…─┴──┘        └──┴─┬┴─…─┴──┘   one u32 that says which levels are occupied
 *                                            Event ⇄ Event
 */
import { allocate, allocateBytes } from './arena';

const DIGIT_BITS: u32 = 6;
const SLOTS: u32 = 64;
/** ⌈64 / 6⌉ digits make a 64-bit time. */
const LEVELS: u32 = 11;

/** One thing that will happen: embedded by pointer in whatever it happens to. `slot` is its place in the wheel, or −1. */
@unmanaged
export class Event {
  next: Event;
  prev: Event;
  time: u64;
  slot: i32;
  /** On which CPU. */
  cpu: u16;
  /** What to do; the meaning belongs to the owner. */
  kind: u16;
  /** Which of several of this kind. */
  index: u32;

  @inline get pending(): bool {
    return this.slot >= 0;
  }
}

/** A new event that is not queued. */
export function newEvent(kind: u32, cpu: u32, index: u32): Event {
  return initEvent(allocate<Event>(), kind, cpu, index);
}

/** Makes an event of zeroed space. */
export function initEvent(event: Event, kind: u32, cpu: u32, index: u32): Event {
  event.kind = <u16>kind;
  event.cpu = <u16>cpu;
  event.index = index;
  event.slot = -1;
  return event;
}

@unmanaged
export class Wheel {
  /** Time of the last popped event: no event may be earlier. */
  last: u64;
  occupiedLevels: u32;
  /** Address of u64[LEVELS]. */
  occupiedSlots: usize;
  /** Address of Event[LEVELS × SLOTS]: list heads, whose `prev` is the tail. */
  heads: usize;

  /** Queues an event at `time`, behind all others of that time. */
  insert(event: Event, time: u64): void {
    assert(event.slot < 0);
    assert(time >= this.last);
    event.time = time;
    const differing = time ^ this.last;
    // (n × 43) >> 8 = n / 6 for n < 64
    const level = differing == 0 ? 0 : <u32>(((63 - clz(differing)) * 43) >> 8);
    const digit = <u32>(time >> (level * DIGIT_BITS)) & (SLOTS - 1);
    const slot = level * SLOTS + digit;
    const place = this.heads + (slot << alignof<usize>());
    const head = changetype<Event>(load<usize>(place));
    event.slot = slot;
    if (head == null) {
      event.next = event;
      event.prev = event;
      store<usize>(place, changetype<usize>(event));
      const word = this.occupiedSlots + level * 8;
      store<u64>(word, load<u64>(word) | ((<u64>1) << digit));
      this.occupiedLevels |= 1 << level;
    } else {
      const tail = head.prev;
      event.prev = tail;
      event.next = head;
      tail.next = event;
      head.prev = event;
    }
  }

  /** Takes a queued event out. */
  remove(event: Event): void {
    assert(event.slot >= 0);
    const slot = <u32>event.slot;
    const place = this.heads + (slot << alignof<usize>());
    event.slot = -1;
    const next = event.next;
    if (next == event) {
      store<usize>(place, 0);
      this.clearSlot(slot);
      return;
    }
    const prev = event.prev;
    prev.next = next;
    next.prev = prev;
    if (load<usize>(place) == changetype<usize>(event)) store<usize>(place, changetype<usize>(next));
  }

  /** Queues at a new time, whether it was queued or not. */
  move(event: Event, time: u64): void {
    if (event.slot >= 0) {
      if (event.time == time) return;
      this.remove(event);
    }
    this.insert(event, time);
  }

  /** Takes out the earliest event, unless it is later than `limit`: then returns null. */
  pop(limit: u64): Event | null {
    while (this.occupiedLevels != 0) {
      const level = ctz(this.occupiedLevels);
      const digit = <u32>ctz(load<u64>(this.occupiedSlots + level * 8));
      const slot = level * SLOTS + digit;
      const place = this.heads + (slot << alignof<usize>());
      const head = changetype<Event>(load<usize>(place));
      // A lone event needs no cascade: nothing else can be earlier or share its time.
      if (level == 0 || head.next == head) {
        if (head.time > limit) return null;
        this.remove(head);
        this.last = head.time;
        return head;
      }
      const shift = level * DIGIT_BITS;
      const above = shift + DIGIT_BITS;
      const high = above < 64 ? (this.last >> above) << above : 0;
      const begin = high | ((<u64>digit) << shift);
      if (begin > limit) return null;
      this.last = begin;
      store<usize>(place, 0);
      this.clearSlot(slot);
      this.cascade(head);
    }
    return null;
  }

  /** Whether more events wait at the time of the last popped one. */
  get moreNow(): bool {
    return load<usize>(this.heads + ((<usize>this.last & (SLOTS - 1)) << alignof<usize>())) != 0;
  }

  /** Spreads a slot's list over the lower levels, in order. */
  private cascade(head: Event): void {
    let event = head;
    do {
      const next = event.next;
      event.slot = -1;
      this.insert(event, event.time);
      event = next;
    } while (event != head);
  }

  private clearSlot(slot: u32): void {
    const level = slot / SLOTS;
    const word = this.occupiedSlots + level * 8;
    const rest = load<u64>(word) & ~((<u64>1) << (slot % SLOTS));
    store<u64>(word, rest);
    if (rest == 0) this.occupiedLevels &= ~(1 << level);
  }
}

/** An empty wheel at time 0. */
export function newWheel(): Wheel {
  const wheel = allocate<Wheel>();
  wheel.occupiedSlots = allocateBytes(LEVELS * 8);
  wheel.heads = allocateBytes((LEVELS * SLOTS) << alignof<usize>());
  return wheel;
}
