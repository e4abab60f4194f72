/** Parsers of option values that several commands share; each throws a one-line UserError. */
import { UserError } from '../errors.js';
import { parseDuration } from '../scenario/units.js';

/** A whole number of at least `least`. */
export function wholeNumber(option: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new UserError(option, null, `expected a whole number of at least ${least}, found "${text}"`);
    }
    return value;
  };
}

/** A comma-separated list of names, none empty. */
export function nameList(option: string): (text: string) => string[] {
  return (text) => {
    const names = text.split(',').map((name) => name.trim());
    if (names.some((name) => name === '')) {
      throw new UserError(option, null, `expected names separated by commas, found "${text}"`);
    }
    return names;
  };
}

/** A duration such as 60s, in ns. */
export function duration(option: string): (text: string) => number {
  return (text) => {
    const ns = parseDuration(text);
    if (ns === null || ns <= 0) {
      throw new UserError(option, null, `expected a duration such as 60s, found "${text}"`);
    }
    return ns;
  };
}

/** `path=value`, collected over several uses of the option. */
export function assignment(text: string, sofar: Array<[string, string]>): Array<[string, string]> {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined) {
    throw new UserError('--set', null, `expected path=value, found "${text}"`);
  }
  return [...sofar, [path, value]];
}
