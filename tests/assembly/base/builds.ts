/** What the tests of the base structures share. */
import fc from 'fast-check';
import type { Build } from '../../../src/kernel/exports.js';

/** Every rule holds in what is shipped and in the build that asserts. */
export const BUILDS: readonly Build[] = ['release', 'debug'];

/** Checks a property on the same random cases each time. */
export function holds<Case>(cases: fc.Arbitrary<Case>, check: (value: Case) => void, numRuns = 200): void {
  const property = fc.property(cases, (value) => {
    check(value);
  });
  fc.assert(property, { seed: 1, numRuns });
}
