/** `kpbench list`: what can be run, and what it can be run with. */
import chalk from 'chalk';
import { Command } from 'commander';
import { EXPERIMENTS } from '../experiments/catalog.js';
import { textTable } from '../report/table.js';
import { listKernels, listMachines, listPolicies, listScenarios } from '../scenario/load.js';

export function listCommand(): Command {
  return new Command('list').description('experiments, scenarios, policies, kernels, machines').action(() => {
    const sections: Array<[title: string, entries: ReadonlyArray<{ name: string; description: string }>]> = [
      ['experiments', EXPERIMENTS],
      ['scenarios', listScenarios()],
      ['policies', listPolicies()],
      ['kernels', listKernels()],
      ['machines', listMachines()],
    ];
    const width = Math.max(...sections.flatMap(([, entries]) => entries.map(({ name }) => name.length)));
    for (const [title, entries] of sections) {
      const rows = entries.map(({ name, description }) => [name.padEnd(width), description]);
      const table = textTable(
        [
          { title, align: 'left', paint: (cell) => chalk.cyan(cell) },
          { title: '', align: 'left' },
        ],
        rows,
      );
      process.stdout.write(`${table}\n`);
    }
  });
}
