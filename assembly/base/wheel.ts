/**
 * The event queue: a hierarchical timing wheel with 64 × 64 slots a level, exact to the nanosecond.
 *
 * A time t lies on the level of the highest 12-bit digit in which it differs from the last popped time, in the slot of that digit.
 * Slots are doubly linked rings, so cancelling is O(1), and cascading keeps their order: equal times pop in the order of insertion.
 * A slot knows its last event, whose `next` is the first: adding one touches nothing but its neighbour, which was added lately, too.
 * The method is Varghese and Lauck's (SOSP '87); tests/assembly/base/wheel.test.ts holds it against an ordered list.
 *
 *     level 5           level 1 (4.1 µs a slot)   level 0 (1 ns a slot)
 *   ┌──┬─…─┬────┐     ┌──┬─…─┬────┐             ┌──┬──┬─…─┬────┐   4096 slots a level; of their occupancy a bit a slot in 64 words,
 *   │ 0│   │4095│  …  │ 0│   │4095│             │ 0│ 1│   │4095│   of those words a bit a word in one, of the levels a bit a level
 *   └──┴─…─┴────┘     └──┴─…─┴────┘             └──┴─┬┴─…─┴────┘
 *                                                  Event ⇄ Event, a ring
 */
import { allocate, allocateBytes } from './arena';

/** Bits of a word of occupancy, and of what says which words are occupied. */
const WORD_BITS: u32 = 6;
const WORDS: u32 = 1 << WORD_BITS;
const DIGIT_BITS: u32 = 2 * WORD_BITS;
const SLOTS: u32 = 1 << DIGIT_BITS;
/** ⌈64 / 12⌉ digits make a 64-bit time. */
const LEVELS: u32 = 6;

/** One thing that will happen: embedded in, or pointed to by, whatever it happens to. `slot` is its place in the wheel, or −1. */
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

/**
 * Behind the record lie, a level each, u64 (which words are occupied), u64[WORDS] (which slots are), and Event[SLOTS], the last of each.
 */
@unmanaged
export class Wheel {
  /** Time of the last popped event: no event may be earlier. */
  last: u64;
  occupiedLevels: u32;

  @inline private occupiedWordsOf(level: u32): usize {
    return changetype<usize>(this) + WORDS_OFFSET + (level << 3);
  }

  @inline private occupiedSlotsOf(word: u32): usize {
    return changetype<usize>(this) + SLOTS_OFFSET + (word << 3);
  }

  @inline private lastOf(slot: u32): usize {
    return changetype<usize>(this) + LASTS_OFFSET + (slot << alignof<usize>());
  }

  /** Queues an event at `time`, behind all others of that time. */
  insert(event: Event, time: u64): void {
    assert(event.slot < 0);
    assert(time >= this.last);
    event.time = time;
    const differing = time ^ this.last;
    // (n × 43) >> 9 = n / 12 for n < 64; a difference of 0 is one in digit 0, too.
    const level = <u32>(((63 - clz(differing | 1)) * 43) >> 9);
    const digit = <u32>(time >> (level * DIGIT_BITS)) & (SLOTS - 1);
    const slot = (level << DIGIT_BITS) | digit;
    const place = this.lastOf(slot);
    const tail = changetype<Event>(load<usize>(place));
    event.slot = slot;
    store<usize>(place, changetype<usize>(event));
    if (tail == null) {
      event.next = event;
      const slots = this.occupiedSlotsOf(slot >> WORD_BITS);
      store<u64>(slots, load<u64>(slots) | ((<u64>1) << (slot & (WORDS - 1))));
      const words = this.occupiedWordsOf(level);
      store<u64>(words, load<u64>(words) | ((<u64>1) << (digit >> WORD_BITS)));
      this.occupiedLevels |= 1 << level;
    } else {
      event.prev = tail;
      event.next = tail.next;
      tail.next = event;
    }
  }

  /** Takes a queued event out. */
  remove(event: Event): void {
    assert(event.slot >= 0);
    const slot = <u32>event.slot;
    const place = this.lastOf(slot);
    event.slot = -1;
    const next = event.next;
    if (next == event) {
      store<usize>(place, 0);
      this.clearSlot(slot);
      return;
    }
    // Of the first, `prev` is not kept.
    const tail = changetype<Event>(load<usize>(place));
    const prev = tail.next == event ? tail : event.prev;
    prev.next = next;
    if (event == tail) store<usize>(place, changetype<usize>(prev));
    else if (prev != tail) next.prev = prev;
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
      const word = <u32>ctz(load<u64>(this.occupiedWordsOf(level)));
      const bit = <u32>ctz(load<u64>(this.occupiedSlotsOf((level << WORD_BITS) | word)));
      const digit = (word << WORD_BITS) | bit;
      const slot = (level << DIGIT_BITS) | digit;
      const place = this.lastOf(slot);
      const tail = changetype<Event>(load<usize>(place));
      const head = tail.next;
      // A lone event needs no cascade: nothing else can be earlier or share its time.
      if (level == 0 || head == tail) {
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
    return (this.occupiedLevels & 1) != 0 && load<usize>(this.lastOf(<u32>this.last & (SLOTS - 1))) != 0;
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
    const slots = this.occupiedSlotsOf(slot >> WORD_BITS);
    const restOfSlots = load<u64>(slots) & ~((<u64>1) << (slot & (WORDS - 1)));
    store<u64>(slots, restOfSlots);
    if (restOfSlots != 0) return;
    const level = slot >> DIGIT_BITS;
    const words = this.occupiedWordsOf(level);
    const rest = load<u64>(words) & ~((<u64>1) << ((slot >> WORD_BITS) & (WORDS - 1)));
    store<u64>(words, rest);
    if (rest == 0) this.occupiedLevels &= ~(1 << level);
  }
}

const WORDS_OFFSET: usize = (offsetof<Wheel>() + 7) & ~7;
const SLOTS_OFFSET: usize = WORDS_OFFSET + LEVELS * 8;
const LASTS_OFFSET: usize = SLOTS_OFFSET + LEVELS * WORDS * 8;
/** What a wheel takes, zeroed: then it is empty, at time 0. */
export const WHEEL_BYTES: usize = LASTS_OFFSET + ((LEVELS * SLOTS) << alignof<usize>());

/** An empty wheel at time 0. */
export function newWheel(): Wheel {
  return changetype<Wheel>(allocateBytes(WHEEL_BYTES));
}
