/** Reading folders of recordings: the repository's own, and broken ones. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { DEFAULT_RECORDINGS, readIndex, readRecording, selectEntries } from '../../src/validate/recordings.js';

describe('the repository’s recordings', () => {
  const index = readIndex(DEFAULT_RECORDINGS);

  test('every one can be read, and its tasks are known by the same names', () => {
    expect(index.length).toBe(175);
    for (const entry of index) {
      const { scenario, summary } = readRecording(DEFAULT_RECORDINGS, entry);
      const names = scenario.tasks.flatMap(({ name, count }) =>
        count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}${i}`),
      );
      const own = Object.keys(summary.tasks).filter((name) => !name.startsWith('~') && name !== 'fchild');
      expect(names).toEqual(expect.arrayContaining(own));
    }
  });

  test('are selected by kernel and case', () => {
    const labels = selectEntries(index, ['linux-6.1'], ['S01']).map((entry) => entry.label);
    expect(labels).toEqual(['6.1-icount-a', '6.1-icount-vr', '6.1-mttcg2']);
    expect(selectEntries(index, ['linux-6.1'], null)).toHaveLength(44);
  });

  test('an unknown kernel or case is answered with what there is', () => {
    expect(() => selectEntries(index, ['linux-9'], null)).toThrow(
      new UserError(
        '--kernel',
        null,
        'expected one of linux-6.1, linux-6.12, linux-6.18-host, tk3-4.14, found "linux-9"',
      ),
    );
    expect(() => selectEntries(index, ['linux-6.18-host'], ['S05', 'X1'])).toThrow(
      /^--case: expected one of S01, S0.*, found "X1"$/,
    );
  });
});

describe('a folder that is not one of recordings', () => {
  let dir = '';
  const entry = {
    case: 'S01',
    label: 'x',
    kernel: 'linux-6.1',
    mode: 'icount',
    cpus: 1,
    scenario: 'scenarios/S01.json',
    summary: 'summaries/x-S01.json',
    trace: null,
    trust: ['share'],
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'recordings-'));
    mkdirSync(join(dir, 'scenarios'));
    mkdirSync(join(dir, 'summaries'));
    cpSync(join(DEFAULT_RECORDINGS, 'scenarios/S01.json'), join(dir, 'scenarios/S01.json'));
    cpSync(join(DEFAULT_RECORDINGS, 'summaries/6.1-icount-a-S01.json'), join(dir, 'summaries/x-S01.json'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const write = (name: string, content: unknown) => writeFileSync(join(dir, name), JSON.stringify(content));
  const scenarioWith = (task: object) => ({
    id: 'S01',
    title: '',
    cpus: 1,
    duration_ms: 1000,
    cgroups: [],
    tasks: [
      {
        name: 'hog',
        count: 1,
        policy: 'other',
        nice: 0,
        rtprio: 0,
        cgroup: null,
        affinity: [0],
        start_ms: 0,
        behaviour: { type: 'hog' },
        ...task,
      },
    ],
  });
  /** The one line that reading the folder ends with. */
  const complaint = (): string => {
    try {
      for (const each of readIndex(dir)) readRecording(dir, each);
    } catch (error) {
      if (error instanceof UserError) return error.message.replaceAll(dir, 'dir');
      throw error;
    }
    return 'fine';
  };

  test('a good one is read', () => {
    write('index.json', [entry]);
    expect(complaint()).toBe('fine');
  });

  test('nothing there', () => {
    expect(() => readIndex('/no/such/folder')).toThrow(
      new UserError('/no/such/folder', null, 'expected a folder of recordings, found nothing'),
    );
    expect(complaint()).toBe('dir/index.json: expected a file that can be read');
  });

  test('a missing summary', () => {
    write('index.json', [{ ...entry, summary: 'summaries/none.json' }]);
    expect(complaint()).toBe('dir/summaries/none.json: expected a file that can be read');
  });

  test('not JSON', () => {
    writeFileSync(join(dir, 'index.json'), '[{');
    expect(complaint()).toMatch(/^dir\/index\.json: not valid JSON: [^\n]+$/);
  });

  test.each<[string, unknown, string]>([
    ['an empty index', [], 'dir/index.json: expected array to have >=1 items'],
    [
      'a file outside',
      [{ ...entry, scenario: '../x' }],
      'dir/index.json: [0].scenario: expected a file inside the folder of recordings',
    ],
    ['no CPU', [{ ...entry, cpus: 0 }], 'dir/index.json: [0].cpus: expected number to be >0'],
    ['an index that is none', { case: 'S01' }, 'dir/index.json: expected array, received object'],
  ])('%s', (_, content, message) => {
    write('index.json', content);
    expect(complaint()).toBe(message);
  });

  test.each<[string, object, string]>([
    ['a nice value', { nice: 20 }, 'tasks[0].nice: expected number to be <=19'],
    ['a CPU', { affinity: [1] }, 'tasks[0].affinity: expected CPUs below 1, found 1'],
    [
      'a behaviour',
      { behaviour: { type: 'nap' } },
      'tasks[0].behaviour.type: expected one of hog, runsleep, periodic, periodic_skip, fork, pingpong_a, pingpong_b',
    ],
    [
      'a period',
      { behaviour: { type: 'periodic', run_us: 1, period_us: 0, phase_us: 0 } },
      'tasks[0].behaviour.period_us: expected number to be >0',
    ],
  ])('%s out of range', (_, task, message) => {
    write('index.json', [entry]);
    write('scenarios/S01.json', scenarioWith(task));
    expect(complaint()).toBe(`dir/scenarios/S01.json: ${message}`);
  });

  test('a summary with samples but without figures', () => {
    write('index.json', [entry]);
    const none = { count: 0 };
    const tasks = { hog0: { share: 1, switches_in: 1, run_segment_us: { count: 3 }, wakeup_latency_us: none } };
    write('summaries/x-S01.json', { window_s: 1, switches: 1, switches_per_s: 1, tasks });
    expect(complaint()).toBe(
      'dir/summaries/x-S01.json: tasks.hog0.run_segment_us: expected p50, p99 and max of its samples',
    );
  });
});
