/**
 * Writes a set of output files so that either all of them appear, whole, or none.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.js';

/**
 * Writes `files` (name, may contain folders → content) into `dir`, which is made if need be: first all under temporary names, then renamed.
 * A folder or file that cannot be written is a UserError, and nothing new is left behind.
 */
export function writeWhole(dir: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  const made: string[] = [];
  const outputs = [...files].map(([name, content]) => {
    const target = join(dir, name);
    return { target, temporary: `${target}.${process.pid}.tmp`, content };
  });
  try {
    makeFolder(dir, made);
    for (const { target, temporary, content } of outputs) {
      makeFolder(dirname(target), made);
      if (existsSync(target) && !statSync(target).isFile())
        throw new UserError(target, null, 'expected a file to write, found a folder');
      made.push(temporary);
      writeFileSync(temporary, content);
    }
    for (const { target, temporary } of outputs) {
      if (!existsSync(target)) made.push(target);
      renameSync(temporary, target);
    }
  } catch (error) {
    for (const path of made.reverse()) rmSync(path, { recursive: true, force: true });
    if (error instanceof UserError) throw error;
    throw new UserError(dir, null, `cannot write here: ${error instanceof Error ? error.message : error}`);
  }
}

function makeFolder(folder: string, made: string[]): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first !== undefined) made.push(first);
}
