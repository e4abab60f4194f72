/** `kpbench schema`: the JSON Schema of scenario files, for editors. */
import { Command } from 'commander';
import { scenarioJsonSchema } from '../scenario/schema.js';

export function schemaCommand(): Command {
  return new Command('schema').description('print the JSON Schema of scenario files').action(() => {
    process.stdout.write(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
  });
}
