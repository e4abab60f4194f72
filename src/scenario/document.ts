/**
 * YAML files: read, changed by `--set`, checked against a schema, and every complaint turned into one line that names file, place and
 * expectation.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { shown } from './primitives.js';

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
export function parseYaml(text: string, file: string, language: 'YAML' | 'JSON' = 'YAML'): YamlFile {
  // rt-app's JSON may repeat keys.
  const uniqueKeys = language === 'YAML';
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys, prettyErrors: false });
  const error = document.errors[0];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new UserError(file, `line ${line}, column ${col}`, `malformed ${language}: ${error.message}`);
  }
  return { file, document, lines };
}

/**
 * Applies `path=value` changes. List items, and the first key of a longer path, must exist; the schema judges what is added below. Values
 * are YAML; `where` is what an error names.
 */
export function applyChanges(
  yaml: YamlFile,
  changes: ReadonlyArray<readonly [string, string]>,
  where: string = '--set',
): void {
  const { document } = yaml;
  for (const [path, value] of changes) {
    const keys = path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const missing = keys.some(
      (key, i) => (typeof key === 'number' || (i === 0 && keys.length > 1)) && !document.hasIn(keys.slice(0, i + 1)),
    );
    try {
      if (missing) throw new Error('missing');
      document.setIn(keys, document.createNode(parseDocument(value).toJS()));
    } catch {
      throw new UserError(where, path, `no such place in ${yaml.file}`);
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

interface Complaint {
  path: PropertyKey[];
  message: string;
}

/** The complaint to show: of a union, the one that goes furthest into a branch that fits; otherwise the first. */
function deepest(issues: readonly Issue[], root: unknown, base: PropertyKey[] = []): Complaint {
  const issue = issues[0];
  if (issue === undefined) return { path: base, message: 'not valid' };
  const path = [...base, ...issue.path];
  const value = valueAt(root, path);
  if (issue.code !== 'invalid_union') return { path, message: describe(issue, value) };
  const branches = issue.errors
    .filter((branch) => fits(branch))
    .map((branch) => deepest(branch, root, path))
    .sort((x, y) => y.path.length - x.path.length);
  return branches[0] ?? { path, message: withFound(issue.message, value) };
}

const MISFITS: ReadonlySet<string> = new Set(['unrecognized_keys', 'invalid_type', 'invalid_value']);

/** Whether a branch of a union is what was meant: it does not complain of the value's own type or keys. */
function fits(branch: readonly Issue[]): boolean {
  return (
    branch.length > 0 &&
    branch.every((issue) => {
      if (issue.path.length > 0) return true;
      if (issue.code === 'invalid_union') return issue.errors.some(fits);
      return !MISFITS.has(issue.code);
    })
  );
}

/** One complaint in our own words. */
function describe(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'too_small':
      return withFound(`expected at least ${issue.minimum}${itemsOf(issue.origin)}`, value);
    case 'too_big':
      return withFound(`expected at most ${issue.maximum}${itemsOf(issue.origin)}`, value);
    case 'invalid_value':
      return withFound(`expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`, value);
    case 'invalid_type':
      return withFound(
        issue.message.startsWith('expected') ? issue.message : `expected ${nounOf(issue.expected)}`,
        value,
      );
    default:
      return withFound(issue.message, value);
  }
}

const itemsOf = (origin: string): string =>
  origin === 'array' ? ' in the list' : origin === 'string' ? ' characters' : '';

const NOUNS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};
const nounOf = (type: string): string => NOUNS[type] ?? type;

function withFound(message: string, value: unknown): string {
  return message.includes('found ') ? message : `${message}, found ${shown(value)}`;
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
