/** `escapement types …`. */
import { Command } from 'commander';
import { asking, examples } from '../option.js';

const typesModule = (): Promise<typeof import('../asking/types.js')> => import('../asking/types.js');

export function typesCommand(): Command {
  return new Command('types')
    .description('The job types of a running server.')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand());
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

function pauseCommand(): Command {
  const command = new Command('pause')
    .description('Pause a job type: nothing of it starts until it is resumed. What runs goes on.')
    .argument('<type>', 'the job type')
    .option('--reason <text>', 'shown with the pause')
    .action(async (name: string, options) => (await typesModule()).pause(name, options));
  return examples(asking(command), `escapement types pause payment_check --reason 'the provider is down'`);
}

function resumeCommand(): Command {
  const command = new Command('resume')
    .description('End the pause of a job type.')
    .argument('<type>', 'the job type')
    .action(async (name: string, options) => (await typesModule()).resume(name, options));
  return examples(asking(command), 'escapement types resume payment_check');
}
