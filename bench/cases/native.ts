/** The native build of the same Wasm: wasm2c and gcc, where they are installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/kernel/compile.js';
import { packageRoot } from '../../src/paths.js';
import type { ExternalCase } from '../case.js';
import { type EngineSize, engineScenario, engineTimes } from './engine.js';

/** Where wabt keeps the runtime that its C code needs. */
const RUNTIMES = ['/usr/share/wabt/wasm2c', '/usr/local/share/wabt/wasm2c'];
const STEPS = 5;

function installed(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Cases that run the native build; a string says why there are none. */
export function nativeCases(sizes: readonly EngineSize[]): ExternalCase[] | string {
  const runtime = RUNTIMES.find((folder) => existsSync(join(folder, 'wasm-rt-impl.c')));
  if (!installed('wasm2c') || runtime === undefined) return 'native build: wasm2c is not installed';
  if (!installed('gcc')) return 'native build: gcc is not installed';
  const folder = mkdtempSync(join(tmpdir(), 'kpbench-native-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'native');
  try {
    execFileSync('wasm2c', [join(packageRoot, 'build', 'kernel.wasm'), '-o', join(folder, 'kernel.c')]);
    const sources = [
      join(folder, 'kernel.c'),
      join(packageRoot, 'bench', 'native', 'main.c'),
      join(runtime, 'wasm-rt-impl.c'),
    ];
    const flags = [
      '-O3',
      '-march=native',
      '-ffp-contract=off',
      '-w',
      `-I${folder}`,
      `-I${runtime}`,
      '-lm',
      '-o',
      program,
    ];
    execFileSync('gcc', [...sources, ...flags], { stdio: 'pipe' });
  } catch (error) {
    return `native build: ${String(error).split('\n')[0]}`;
  }
  return sizes.map((size) => {
    const input = join(folder, `${size.join('x')}.bin`);
    writeFileSync(input, new Uint8Array(compile(engineScenario(size), null).buffer.buffer));
    const { warmUpNs, stepNs } = engineTimes(size);
    const args = [input, '1', String(warmUpNs), String(stepNs * 5), String(STEPS)];
    return {
      benchmark: 'engine',
      size: size.join('x'),
      implementation: 'native (wasm2c, gcc -O3)',
      unit: 'events_per_s' as const,
      measure: () => {
        const rates = execFileSync(program, args, { encoding: 'utf8' }).trim().split('\n').map(Number);
        return rates.sort((a, b) => a - b)[STEPS >> 1] ?? 0;
      },
    };
  });
}
