/** Builds the base structures with their assertions on, so that their tests run on both builds. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/paths.js';

const OUTPUT = 'build/primitives.debug.wasm';

export default function setup(): void {
  const output = join(packageRoot, OUTPUT);
  const assembly = join(packageRoot, 'assembly');
  const isNewer = (file: string): boolean => statSync(join(assembly, file)).mtimeMs > statSync(output).mtimeMs;
  const sources = readdirSync(assembly, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  if (existsSync(output) && !sources.some(isNewer)) return;
  const args = ['asc', 'assembly/primitives.ts', '--target', 'debug', '--outFile', OUTPUT];
  execFileSync('npx', args, { cwd: packageRoot, stdio: 'inherit' });
}
