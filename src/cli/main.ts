#!/usr/bin/env node
/** The command line: commands, and errors as one line on stderr with an exit status. */
import { Command, CommanderError } from 'commander';
import { SimulationError, UserError } from '../errors.js';
import { packageVersion } from '../experiments/files.js';
import { benchCommand } from './bench.js';
import { calibrateCommand } from './calibrate.js';
import { listCommand } from './list.js';
import { regressCommand } from './regress.js';
import { runCommand } from './run.js';
import { schemaCommand } from './schema.js';
import { validateCommand } from './validate.js';

/** Exit status of bad usage and bad input. */
const BAD_USAGE = 2;

function program(): Command {
  const kpbench = new Command('kpbench')
    .description('Try a kernel policy before you build a kernel.')
    .version(packageVersion());
  const commands = [
    listCommand(),
    runCommand(),
    benchCommand(),
    calibrateCommand(),
    validateCommand(),
    regressCommand(),
    schemaCommand(),
  ];
  for (const command of commands) kpbench.addCommand(command);
  for (const command of [kpbench, ...commands]) {
    command.exitOverride().configureOutput({
      outputError: (text: string, write: (text: string) => void) => write(`kpbench: ${oneLine(text)}\n`),
    });
  }
  return kpbench;
}

function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

async function main(): Promise<void> {
  // A reader that closes the pipe (head, less) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await program().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : BAD_USAGE;
    } else if (error instanceof UserError || error instanceof SimulationError) {
      process.stderr.write(`kpbench: ${error.message}\n`);
      process.exitCode = error.exitStatus;
    } else {
      throw error;
    }
  }
}

await main();
