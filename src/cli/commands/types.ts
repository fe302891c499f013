/** `escapement types …`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { asking, examples } from '../option.js';
import { orNone } from '../option-values.js';

const typesModule = (): Promise<typeof import('../asking/types.js')> => import('../asking/types.js');

export function typesCommand(): Command {
  return new Command('types')
    .description('The job types of a running server.')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(setCommand())
    .addCommand(groupsCommand())
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
    .description('Show everything about a job type.')
    .argument('<type>', 'the job type')
    .action(async (name: string, options) => (await typesModule()).show(name, options));
  return examples(asking(command), 'escapement types show payment_check');
}

function setCommand(): Command {
  const command = new Command('set')
    .description(
      'Set limits of a job type, or pause it. It holds at once, and after a restart; "none" restores what the handler says.',
    )
    .argument('<type>', 'the job type')
    .option('--concurrency <number>', 'attempts that may run at once', orNone(limitOf))
    .option('--group-concurrency <number>', 'the same of each group of jobs', orNone(limitOf))
    .option(
      '--rate <rate>',
      'at most this many starts in any period of this length: 100/1m',
      orNone((text) => text),
    )
    .option('--paused', 'its jobs do not start until it is resumed')
    .option('--no-paused', 'resume it')
    .addOption(new Option('--reason <text>', 'shown with the pause').implies({ paused: true }))
    .action(async (name: string, options) => (await typesModule()).set(name, options));
  return examples(
    asking(command),
    'escapement types set email_send --rate 100/1m --group-concurrency 2',
    'escapement types set email_send --rate none',
    `escapement types set email_send --paused --reason 'the mail server is down'`,
  );
}

function groupsCommand(): Command {
  const command = new Command('groups')
    .description('List the groups of a job type that have jobs to run, those with most of them first.')
    .argument('<type>', 'the job type')
    .action(async (name: string, options) => (await typesModule()).groups(name, options));
  return examples(asking(command), 'escapement types groups email_send');
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new InvalidArgumentError('It must be a whole number from 1, or none.');
}

function pauseCommand(): Command {
  const command = new Command('pause')
    .description('Pause a job type: its jobs do not start until it is resumed. Running attempts go on.')
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
