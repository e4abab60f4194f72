/** The command line as a user meets it: exit statuses, one-line errors, equal bytes, whole outputs. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/paths.js';

const folder = mkdtempSync(join(tmpdir(), 'kpbench-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function kpbench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(packageRoot, 'dist/src/cli/main.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status, stdout, stderr };
}

describe('errors are one line on stderr with exit status 2', () => {
  it.each([
    [['run', 'nonsense'], /^kpbench: nonsense: unknown scenario; expected a file or one of .*\n$/],
    [['run', 'cyclictest-idel'], /did you mean cyclictest-idle\?\n$/],
    [
      ['run', 'cyclictest', '--policy', 'vfm'],
      /^kpbench: vfm: unknown policy; expected a file or one of .*did you mean vmf\?\n$/,
    ],
    [['run', 'missing.yaml'], /^kpbench: missing.yaml: no such file\n$/],
    [['run', 'cyclictest', '--runs', '0'], /^kpbench: --runs: expected a whole number of at least 1, found "0"\n$/],
    [['run', 'cyclictest', '--seed', '-1'], /^kpbench: --seed: expected a whole number of at least 0, found "-1"\n$/],
    [
      ['run', 'cyclictest', '--duration', 'NaN'],
      /^kpbench: --duration: expected a duration such as 60s, found "NaN"\n$/,
    ],
    [['run', 'cyclictest', '--set', 'a.b=1'], /^kpbench: --set: a.b: no such place in cyclictest-idle\n$/],
    [['run', 'cyclictest', '--set', 'duration'], /^kpbench: --set: expected path=value, found "duration"\n$/],
    [['run', 'cyclictest', '--format', 'xml'], /^kpbench: --format: expected table, csv, json, found "xml"\n$/],
    [['run'], /^kpbench: missing required argument .*\n$/],
    [['fly'], /^kpbench: unknown command 'fly'\n$/],
    [['run', 'cyclictest', '--fast'], /^kpbench: unknown option '--fast'.*\n$/],
    [['validate', '--case', 'S99'], /^kpbench: [^\n]*S99[^\n]*\n$/],
    [['validate', '--data', 'nowhere'], /^kpbench: [^\n]*nowhere[^\n]*\n$/],
    [['validate', '--mode', 'guess'], /^kpbench: --mode: expected scenario, replay, found "guess"\n$/],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = kpbench(...args);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('an output folder that cannot be written is named, and nothing is left', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const { status, stderr } = kpbench('run', 'cyclictest-idle', '--quick', '--out', join(file, 'out'));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kpbench: .*file\/out: cannot write here: [^\n]*\n$/);
    if (process.getuid?.() === 0) return;
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    expect(kpbench('run', 'cyclictest-idle', '--quick', '--out', join(locked, 'out')).status).toBe(2);
    expect(existsSync(join(locked, 'out'))).toBe(false);
  });

  it('a simulation that makes no progress ends with 3 and names the task', () => {
    const stuck = { send: 'a' };
    const program = (give: string, take: string) => [{ loop: [{ send: give }, { receive: take }] }];
    const scenario = {
      duration: '1s',
      machine: 'ideal-1',
      tasks: [
        { name: 'ping', program: program('a', 'b') },
        { name: 'pong', program: [{ receive: stuck.send }, ...program('b', 'a')] },
      ],
    };
    writeFileSync(join(folder, 'stuck.yaml'), JSON.stringify(scenario));
    const { status, stderr } = kpbench('run', './stuck.yaml');
    expect(stderr).toMatch(/^kpbench: stuck: no progress: task (ping|pong) keeps virtual time from going on\n$/);
    expect(status).toBe(3);
  });
});

describe('output', () => {
  const read = (out: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(join(folder, out), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          join(entry.parentPath, entry.name).replace(join(folder, out), ''),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );

  it('is the same, to the byte, for any number of workers and every time', () => {
    const run = (out: string, jobs: string) =>
      kpbench('run', 'cyclictest', '--duration', '1s', '--runs', '3', '--jobs', jobs, '--out', out).stdout;
    const tables = [run('one', '1'), run('two', '2'), run('again', '2')];
    expect(new Set(tables).size).toBe(1);
    const one = read('one');
    expect(Object.keys(one)).toContain('/cyclictest.csv');
    expect(Object.keys(one)).toContain('/histograms/busy-vmf.json');
    expect(read('two')).toEqual(one);
    expect(read('again')).toEqual(one);
  });

  it('keeps to 80 columns, without colour or progress bar in a pipe', () => {
    const { stdout, stderr } = kpbench('run', 'cyclictest', '--duration', '1s', '--runs', '1', '--trace');
    expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toBe('');
  });

  it('the trace says why: CFS waits for a task that runs, VMF never for one in user mode', () => {
    const { stdout } = kpbench(
      'run',
      'cyclictest',
      '--duration',
      '5s',
      '--runs',
      '1',
      '--policy',
      'cfs,vmf',
      '--trace',
    );
    const busy = stdout.slice(stdout.indexOf('busy  cfs'));
    expect(busy).toMatch(/cyclictest\/\d waited [\d.,]+ (µs|ms) for cpu \d:\s+\S+ ran [\d.,]+ (µs|ms)/);
    const vmf = busy.slice(busy.indexOf('busy  vmf'));
    expect(vmf).toMatch(/held up by (kernel code|a softirq)|swapper/);
  });

  it('csv and json hold the same figures', () => {
    const args = ['run', 'cyclictest', '--duration', '1s', '--runs', '2', '--policy', 'vmf'];
    const rows: unknown = JSON.parse(kpbench(...args, '--format', 'json').stdout);
    const csv = kpbench(...args, '--format', 'csv')
      .stdout.trim()
      .split('\n');
    expect(Array.isArray(rows) && rows.length).toBe(csv.length - 1);
    expect(csv[0]).toMatch(
      /^experiment,case,policy,kernel,machine,seed,metric_of,samples,min_us,p50_us,p90_us,p99_us,p999_us,p9999_us,max_us,mean_us,overflow_100us_pct/,
    );
  });

  it('says on stderr how fast edf8 was simulated, and on stdout a line a task', () => {
    const run = () => kpbench('run', 'edf8', '--duration', '20s');
    const [{ stdout, stderr }, again] = [run(), run()];
    expect(stderr).toMatch(/^20 simulated seconds in \d+\.\d\d s: [\d,]+ simulated seconds per wall second\n$/);
    expect(stdout).toBe(again.stdout);
    expect(stdout.split('\n').filter((line) => line.startsWith('task'))).toHaveLength(9);
    expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
  });

  it('lists everything', () => {
    const { stdout } = kpbench('list');
    for (const name of ['cyclictest', 'edf8', 'vmf', 'cfs+bt', 'linux-6.1', 'tk3-4.14', 'server-8'])
      expect(stdout).toContain(name);
  });
});
