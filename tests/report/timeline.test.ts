import { describe, expect, it } from 'vitest';
import { timeline, verdict } from '../../src/report/timeline.js';
import type { TraceEvent } from '../../src/results/result.js';

const us = (n: number) => n * 1000;
const events: TraceEvent[] = [
  { at: us(100), cpu: 1, event: 'switch', prev: 'swapper/1', prevState: 'R', next: 'agent/2' },
  { at: us(500), cpu: 0, event: 'switch', prev: 'other', prevState: 'S', next: 'swapper/0' },
  { at: us(995), cpu: 1, event: 'waking', task: 'vcpu/0', target: 1 },
  { at: us(1000), cpu: 1, event: 'wakeup', task: 'vcpu/0', target: 1, held: null },
  { at: us(2000), cpu: 1, event: 'irq', source: 'nic', lengthNs: us(7) },
  { at: us(4912), cpu: 1, event: 'switch', prev: 'agent/2', prevState: 'R+', next: 'vcpu/0' },
  { at: us(4915), cpu: 1, event: 'record', task: 'vcpu/0', recorder: 'wakeup', latencyNs: us(3925) },
  { at: us(5000), cpu: 1, event: 'switch', prev: 'vcpu/0', prevState: 'S', next: 'agent/2' },
];
const focus = { aroundNs: us(4915), task: 'vcpu/0', cpu: null };

describe('verdict', () => {
  it('says who held the CPU and for how long', () => {
    expect(verdict(events, focus)).toBe('vcpu/0 waited 3,912 µs for cpu 1: agent/2 ran 3,905 µs; irq nic 7.00 µs');
  });

  it('finds the same wait from any instant within it, without the record', () => {
    const unrecorded = events.filter((event) => event.event !== 'record');
    expect(verdict(unrecorded, { ...focus, aroundNs: us(1500) })).toBe(verdict(events, focus));
    expect(verdict(unrecorded, focus)).toBe(verdict(events, focus));
  });

  it('adds preemptions within the sample and follows migrations', () => {
    const moved: TraceEvent[] = [
      ...events.slice(0, 4),
      { at: us(1100), cpu: 1, event: 'migrate', task: 'vcpu/0', from: 1, to: 0 },
      { at: us(1110), cpu: 0, event: 'switch', prev: 'swapper/0', prevState: 'R', next: 'vcpu/0' },
      { at: us(1200), cpu: 0, event: 'switch', prev: 'vcpu/0', prevState: 'R+', next: 'other' },
      { at: us(1350), cpu: 0, event: 'switch', prev: 'other', prevState: 'S', next: 'vcpu/0' },
      { at: us(1400), cpu: 0, event: 'record', task: 'vcpu/0', recorder: 'wakeup', latencyNs: us(405) },
    ];
    expect(verdict(moved, { ...focus, aroundNs: us(1400) })).toBe(
      'vcpu/0 waited 260 µs for cpu 1, then 0: other ran 150 µs; agent/2 ran 100 µs; idle 10.0 µs',
    );
  });

  it('says what the task did for memory, and for how long without the waits in between', () => {
    const memory: TraceEvent[] = [
      { at: us(50), cpu: 0, event: 'switch', prev: 'swapper/0', prevState: 'R', next: 'app' },
      { at: us(100), cpu: 0, event: 'reclaim', task: 'app', group: null, begins: true, pages: 0 },
      { at: us(200), cpu: 0, event: 'switch', prev: 'app', prevState: 'R+', next: 'kswapd0' },
      { at: us(500), cpu: 0, event: 'switch', prev: 'kswapd0', prevState: 'S', next: 'app' },
      { at: us(700), cpu: 0, event: 'reclaim', task: 'app', group: null, begins: false, pages: 32 },
      { at: us(710), cpu: 0, event: 'blocked', task: 'app', on: 'page' },
      { at: us(710), cpu: 0, event: 'switch', prev: 'app', prevState: 'S', next: 'swapper/0' },
      { at: us(810), cpu: 0, event: 'wakeup', task: 'app', target: 0, held: null },
      { at: us(811), cpu: 0, event: 'switch', prev: 'swapper/0', prevState: 'R', next: 'app' },
      { at: us(820), cpu: 0, event: 'record', task: 'app', recorder: 'use', latencyNs: us(730) },
      { at: us(820), cpu: 0, event: 'record', task: 'app', recorder: 'alloc', latencyNs: us(1) },
    ];
    const sample = { aroundNs: us(820), task: 'app', cpu: null };
    expect(verdict(memory, sample)).toBe(
      'app waited 301 µs for cpu 0: kswapd0 ran 300 µs; idle 1.00 µs; ' +
        'app reclaimed pages of all groups for 300 µs, once, and got 32; ' +
        'app slept 100 µs for pages on their way from a device, once',
    );
    expect(timeline(memory, sample)).toContain('app has reclaimed 32 pages');
  });

  it('of a guest first says what its CPU waited for', () => {
    const guest: TraceEvent[] = [
      { at: us(10), cpu: 0, event: 'switch', prev: 'swapper/0', prevState: 'R', next: 'batch' },
      { at: us(100), cpu: 0, event: 'wakeup', task: 'vm/vcpu/1', target: 0, held: 'kernel' },
      { at: us(300), cpu: 0, event: 'switch', prev: 'batch', prevState: 'R+', next: 'vm/vcpu/1' },
      { at: us(301), cpu: 5, event: 'wakeup', task: 'vm/c/1', target: 5, held: null },
      { at: us(303), cpu: 5, event: 'switch', prev: 'vm/swapper/1', prevState: 'R', next: 'vm/c/1' },
      { at: us(304), cpu: 5, event: 'record', task: 'vm/c/1', recorder: 'latency', latencyNs: us(214) },
    ];
    const inGuest = { aroundNs: us(304), task: 'vm/c/1', cpu: null, thread: 'vm/vcpu/1' };
    expect(verdict(guest, inGuest)).toBe(
      'vm/vcpu/1 waited 200 µs for cpu 0: batch ran 200 µs; vm/c/1 waited 2.00 µs for cpu 5: idle 2.00 µs',
    );
    expect(timeline(guest, inGuest)).toContain('vm/vcpu/1 on cpu 0, held up by kernel code');
  });

  it('says how much was no wait', () => {
    const slack: TraceEvent[] = [
      ...events.slice(0, 3),
      { at: us(1000), cpu: 1, event: 'wakeup', task: 'vcpu/0', target: 1, held: null },
      { at: us(1002), cpu: 1, event: 'switch', prev: 'agent/2', prevState: 'R+', next: 'vcpu/0' },
      { at: us(1003), cpu: 1, event: 'record', task: 'vcpu/0', recorder: 'wakeup', latencyNs: us(60) },
    ];
    expect(verdict(slack, { ...focus, aroundNs: us(1003) })).toBe(
      'vcpu/0 waited 2.00 µs for cpu 1: agent/2 ran 2.00 µs; the other 58.0 µs were its own work, timer slack, interrupts and kernel code',
    );
  });

  it('admits that it does not know', () => {
    expect(verdict([], focus)).toBe('vcpu/0: the trace does not hold a wait before this sample');
    expect(timeline([], focus)).toContain('does not hold');
  });
});

describe('timeline', () => {
  it('prints what happened, relative to the begin of the wait', () => {
    expect(timeline(events, focus)).toBe(
      [
        '     −900.000 µs  cpu1   switch   swapper/1 (R) → agent/2',
        '       −5.000 µs  cpu1   waking   vcpu/0 on cpu 1',
        '       +0.000 µs  cpu1   wakeup   vcpu/0 on cpu 1',
        '   +1,000.000 µs  cpu1   irq      nic for 7.00 µs',
        '   +3,912.000 µs  cpu1   switch   agent/2 (R+) → vcpu/0',
        '   +3,915.000 µs  cpu1   record   vcpu/0 wakeup = 3,925 µs',
        '   +4,000.000 µs  cpu1   switch   vcpu/0 (S) → agent/2',
        '',
        'vcpu/0 waited 3,912 µs for cpu 1: agent/2 ran 3,905 µs; irq nic 7.00 µs',
        '',
      ].join('\n'),
    );
  });

  it('stays within the terminal however much happens', () => {
    const noise = Array.from({ length: 500 }, (_, i): TraceEvent => {
      return { at: us(1001 + i), cpu: 1, event: 'irq', source: 'x'.repeat(i % 60), lengthNs: 10 };
    });
    const lines = timeline([...events.slice(0, 4), ...noise, ...events.slice(5)], focus).split('\n');
    expect(lines.length).toBeLessThan(50);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80);
  });
});
