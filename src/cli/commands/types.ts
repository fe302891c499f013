/** `escapement types …`. */
import { Command } from 'commander';
import { asking, examples } from '../option.js';

const typesModule = (): Promise<typeof import('../asking/types.js')> => import('../asking/types.js');

export function typesCommand(): Command {
  return new Command('types')
    .description('The job types of a running server.')
    .addCommand(listCommand())
    .addCommand(showCommand());
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List the job types: those that have a handler, and those with jobs that wait for one.')
    .action(async (options) => (await typesModule()).list(options));
  return examples(asking(command), 'escapement types list');
}

function showCommand(): Command {
  const command = new Command('show')
    .description('Show all that is known of a job type.')
    .argument('<type>', 'the job type')
    .action(async (name: string, options) => (await typesModule()).show(name, options));
  return examples(asking(command), 'escapement types show payment_check');
}
