/** Builds what the tests run against when a source is newer: nobody tests yesterday's Wasm. */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/paths.js';

/** When the newest TypeScript file below some folders was written. */
const newest = (folders: string[]): number =>
  Math.max(
    ...folders.flatMap((folder) =>
      readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => statSync(join(packageRoot, folder, file)).mtimeMs),
    ),
  );
const oldest = (files: string[]): number =>
  Math.min(...files.map((file) => statSync(join(packageRoot, file), { throwIfNoEntry: false })?.mtimeMs ?? 0));

export default function setup(): void {
  const build = (script: string): void => {
    execFileSync('npm', ['run', '--silent', script], { cwd: packageRoot, stdio: 'inherit' });
  };
  const wasm = ['build/kernel.wasm', 'build/kernel.debug.wasm', 'build/primitives.wasm'];
  if (newest(['assembly']) > oldest(wasm)) build('build:wasm');
  if (newest(['src', 'bench']) > oldest(['dist/src/cli/main.js'])) build('build:ts');
}
