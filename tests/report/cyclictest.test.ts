import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/paths.js';
import { cyclictestJson, histogramText } from '../../src/report/cyclictest.js';
import { threadOf } from '../results/samples.js';

const threads = [threadOf([1, 1, 3, 4, 900], 4), threadOf([2], 4)];

describe('histogramText', () => {
  it('is what cyclictest prints', () => {
    expect(histogramText(threads)).toBe(
      [
        '# Histogram',
        '000000 000000\t000000',
        '000001 000002\t000000',
        '000002 000000\t000001',
        '000003 000001\t000000',
        '# Total: 000000003 000000001',
        '# Min Latencies: 00001 00002',
        '# Avg Latencies: 00181 00002',
        '# Max Latencies: 00900 00002',
        '# Histogram Overflows: 00002 00000',
        '# Histogram Overflow at cycle number:',
        '# Thread 0: # 00002 others',
        '# Thread 1:',
        '',
        '',
      ].join('\n'),
    );
  });
});

describe('a recording of cyclictest 2.40', () => {
  it('is printed as it was, cycle numbers of overflows apart', () => {
    const file = join(packageRoot, 'validation/recordings/host/cyclictest-stress4-nice0.txt');
    const recorded = readFileSync(file, 'utf8').split('\n');
    const bins = recorded.filter((line) => /^\d{6} \d+$/.test(line)).map((line) => Number(line.split(' ')[1]));
    const figure = (title: string) => Number(recorded.find((line) => line.startsWith(`# ${title}:`))?.split(': ')[1]);
    const count = figure('Total') + figure('Histogram Overflows');
    const thread = {
      count,
      sumUs: figure('Avg Latencies') * count,
      minUs: figure('Min Latencies'),
      maxUs: figure('Max Latencies'),
      microseconds: Uint32Array.from(bins),
    };
    const begin = recorded.indexOf('# Histogram');
    const end = recorded.findIndex((line) => line.startsWith('# Thread'));
    expect(bins).toHaveLength(2000);
    expect(histogramText([thread]).split('\n').slice(0, -3)).toEqual(recorded.slice(begin, end));
  });
});

describe('cyclictestJson', () => {
  it('has the keys of cyclictest, colons included, and no overflow field', () => {
    const run = { command: 'kpbench run', kernel: 'linux-6.1', machine: 'vm-2', durationNs: 60e9, cpus: [0, 1] };
    expect(JSON.parse(cyclictestJson(threads, run))).toEqual({
      file_version: 1,
      'cmdline:': 'kpbench run',
      'rt_test_version:': '2.40',
      start_time: 'Sat, 01 Jan 2000 00:00:00 +0000',
      end_time: 'Sat, 01 Jan 2000 00:01:00 +0000',
      return_code: 0,
      sysinfo: {
        sysname: 'Linux',
        nodename: 'kpbench',
        release: '6.1',
        version: 'simulated',
        machine: 'vm-2',
        realtime: 0,
      },
      num_threads: 2,
      resolution_in_ns: 0,
      thread: {
        0: { histogram: { 1: 2, 3: 1 }, cycles: 5, min: 1, max: 900, avg: 181.8, cpu: 0, node: -1 },
        1: { histogram: { 2: 1 }, cycles: 1, min: 2, max: 2, avg: 2, cpu: 1, node: -1 },
      },
    });
  });
});
