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
    [['calibrate'], /^kpbench: missing required argument .*\n$/],
    [['calibrate', 'nowhere.yaml'], /^kpbench: nowhere.yaml: no such file\n$/],
    [['validate', '--case', 'S99'], /^kpbench: [^\n]*S99[^\n]*\n$/],
    [['validate', '--data', 'nowhere'], /^kpbench: [^\n]*nowhere[^\n]*\n$/],
    [['validate', '--mode', 'guess'], /^kpbench: --mode: expected scenario, replay, memory, found "guess"\n$/],
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

describe('kpbench calibrate', () => {
  const wanted = (value: number) => ({
    scenario: './host.yaml',
    policy: 'cfs',
    duration: '200ms',
    parameters: [{ path: 'tasks.1.program.0.loop.1.kernel', low: '100us', high: '1ms' }],
    targets: [{ metric_of: 'probe:latency', figure: 'max_us', value, tolerance: 0.1 }],
  });
  const host = {
    duration: '1s',
    machine: 'ideal-1',
    tasks: [
      { name: 'probe', program: [{ loop: [{ timer: '1ms' }, { record: 'latency' }, { run: '2us' }] }] },
      { name: 'section', program: [{ loop: [{ sleep: { exponential: '5ms' } }, { kernel: '150us' }] }] },
    ],
  };
  const calibrate = (value: number, ...more: string[]) => {
    writeFileSync(join(folder, 'host.yaml'), JSON.stringify(host));
    writeFileSync(join(folder, 'fit.yaml'), JSON.stringify(wanted(value)));
    return kpbench('calibrate', 'fit.yaml', '--runs', '1', '--budget', '20', ...more);
  };

  it('writes a scenario that kpbench run takes as it is', () => {
    const { status, stdout, stderr } = calibrate(400, '--jobs', '1', '--out', 'fitted');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/max_us\s+400 µs\s+\S+ µs\s+.*met\n/);
    expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(readdirSync(join(folder, 'fitted')).sort()).toEqual(['calibration.csv', 'host.yaml', 'manifest.json']);
    const ran = kpbench('run', 'fitted/host.yaml', '--duration', '200ms', '--format', 'json');
    const reached = JSON.parse(readFileSync(join(folder, 'fitted', 'manifest.json'), 'utf8')).targets[0].reached;
    expect(JSON.parse(ran.stdout)[0].max_us).toBe(reached);
  });

  it('ends with 1 and shows the best fit when a target cannot be reached', () => {
    const { status, stdout, stderr } = calibrate(50_000);
    expect(status).toBe(1);
    expect(stderr).toBe('kpbench: not every target was reached within these bounds; this is the best fit\n');
    expect(stdout).toMatch(/at its high bound\n/);
    expect(stdout).toMatch(/missed\n/);
  });

  it('writes nothing after bad input', () => {
    const { status, stderr } = calibrate(-1, '--out', 'nothing');
    expect(stderr).toMatch(/^kpbench: fit.yaml: targets\[0\].value \(line 1\): expected at least 0, found -1\n$/);
    expect(status).toBe(2);
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
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
