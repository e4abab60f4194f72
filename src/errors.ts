/**
 * Errors that end a command: one line on stderr and an exit status, never a stack trace.
 */

/** Bad usage or bad input (exit status 2). The message is one line: `where: place: what was expected`. */
export class UserError extends Error {
  readonly exitStatus = 2;

  /**
   * @param where file, option or command that is wrong
   * @param place where in it (`tasks[0].program[2].run`, `line 3, column 7`), or null when it is wrong as a whole
   * @param expectation what was expected, and what was found
   */
  constructor(where: string, place: string | null, expectation: string) {
    super(
      [where, place, expectation]
        .filter((part) => part !== null)
        .join(': ')
        .replaceAll(/\s*\n\s*/g, ' '),
    );
    this.name = 'UserError';
  }
}

/** The simulated machine made no progress or met a limit while running (exit status 3). */
export class SimulationError extends Error {
  readonly exitStatus = 3;

  constructor(message: string) {
    super(message);
    this.name = 'SimulationError';
  }
}
