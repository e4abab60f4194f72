/**
 * YAML files: read, changed by `--set`, checked against a schema, and every complaint turned into one line that names file, place and
 * expectation.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { shown } from './schema.js';

/** A parsed file that can still say where its parts stood. */
export interface YamlFile {
  /** For messages. */
  file: string;
  document: Document.Parsed;
  lines: LineCounter;
}

/** Reads a file; a missing one, or a folder, is a UserError. */
export function readText(file: string): string {
  if (!existsSync(file)) throw new UserError(file, null, 'no such file');
  if (!statSync(file).isFile()) throw new UserError(file, null, 'expected a file, found a folder');
  return readFileSync(file, 'utf8');
}

/** Parses YAML; malformed YAML is a UserError with line and column. */
export function parseYaml(text: string, file: string, uniqueKeys = true): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys, prettyErrors: false });
  const error = document.errors[0];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new UserError(file, `line ${line}, column ${col}`, `malformed YAML: ${error.message}`);
  }
  return { file, document, lines };
}

/** Applies `path=value` changes; each path must exist. Values are YAML. */
export function applyChanges(yaml: YamlFile, changes: ReadonlyArray<readonly [string, string]>): void {
  for (const [path, value] of changes) {
    const keys = path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const parent = keys.slice(0, -1);
    const last = keys.at(-1);
    if (
      !(parent.length === 0 || yaml.document.hasIn(parent)) ||
      (typeof last === 'number' && !yaml.document.hasIn(keys))
    ) {
      throw new UserError('--set', path, `no such place in ${yaml.file}`);
    }
    try {
      yaml.document.setIn(keys, parseDocument(value).toJS());
    } catch {
      throw new UserError('--set', path, `no such place in ${yaml.file}`);
    }
  }
}

/** Checks a parsed file; the first complaint is a UserError. */
export function check<Schema extends z.ZodType>(yaml: YamlFile, schema: Schema): z.output<Schema> {
  return checkValue(yaml.document.toJS(), schema, yaml.file, (path) => lineOf(yaml, path));
}

/** Checks a value that was built in code or read from elsewhere. */
export function checkValue<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
  file: string,
  lineOfPath: (path: PropertyKey[]) => number | null = () => null,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = deepest(parsed.error.issues, value);
  const line = lineOfPath(path);
  const place = [placeOf(path), line === null ? '' : `(line ${line})`].filter((part) => part !== '').join(' ');
  throw new UserError(file, place === '' ? null : place, message);
}

type Issue = z.core.$ZodIssue;

/** The complaint that goes furthest into the document: of a union, that of the branch that fits best. */
function deepest(
  issues: readonly Issue[],
  root: unknown,
  base: PropertyKey[] = [],
): { path: PropertyKey[]; message: string } {
  const issue = issues[0];
  if (issue === undefined) return { path: base, message: 'not valid' };
  const path = [...base, ...issue.path];
  if (issue.code === 'invalid_union') {
    const value = valueAt(root, path);
    const branches = issue.errors
      .filter((branch) => branch.length > 0)
      .map((branch) => ({ branch, ...deepest(branch, root, path) }))
      .filter(({ branch, path: place }) => place.length > path.length || fits(branch, value));
    const best = branches.toSorted((a, b) => b.path.length - a.path.length)[0];
    if (best !== undefined) return { path: best.path, message: best.message };
    return { path, message: issue.message === 'Invalid input' ? `not valid here: ${shown(value)}` : issue.message };
  }
  if (issue.code === 'unrecognized_keys') {
    return { path, message: `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}` };
  }
  const value = valueAt(root, path);
  if (issue.message.startsWith('expected ')) {
    return {
      path,
      message: issue.message.includes('found') ? issue.message : `${issue.message}, found ${shown(value)}`,
    };
  }
  if (value === undefined) return { path, message: 'missing' };
  return {
    path,
    message: `${lowerFirst(issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, ''))}, found ${shown(value)}`,
  };
}

/** A branch fits a value if it does not complain of unknown or missing keys at its top, or of its type. */
function fits(branch: readonly Issue[], value: unknown): boolean {
  if (branch.every(({ code }) => code === 'custom')) return true;
  const wrong = branch.some(
    (issue) =>
      issue.path.length === 0 &&
      (issue.code === 'unrecognized_keys' || issue.code === 'invalid_type' || issue.code === 'invalid_value'),
  );
  return !wrong && typeof value === 'object';
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** `tasks[0].program[2].run` */
export function placeOf(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('');
}

/** Line of the innermost part of a path that exists in the file. */
function lineOf(yaml: YamlFile, path: readonly PropertyKey[]): number | null {
  for (let length = path.length; length > 0; length--) {
    const node = yaml.document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return yaml.lines.linePos(Number(node.range[0])).line;
    }
  }
  return null;
}
