/** Where the package keeps its data files, whether it runs from src/ (tests) or dist/ (installed). */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The package's root folder: scenarios/, build/, results/ and validation/ lie in it. */
export const packageRoot = findRoot();
