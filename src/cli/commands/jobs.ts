/** `escapement jobs …`. What these do is loaded when one of them runs. */
import { Command, Option } from 'commander';
import { asking, examples } from '../option.js';
import { duration, wholeNumber } from '../option-values.js';
import { jobFieldOptions } from './job-fields.js';
import { withFilters } from './many/filters.js';

const jobsModule = (): Promise<typeof import('../asking/jobs.js')> => import('../asking/jobs.js');

export function jobsCommand(): Command {
  return new Command('jobs')
    .description('Make, find, change and follow jobs of a running server.')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(updateCommand())
    .addCommand(cancelCommand())
    .addCommand(retryCommand())
    .addCommand(runCommand())
    .addCommand(runsCommand())
    .addCommand(logsCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(removeCommand())
    .addCommand(watchCommand());
}

function addCommand(): Command {
  const command = new Command('add')
    .description(
      'Make a job: exactly one of --delay, --at and --cron says when. With --ndjson, make one for each line of standard input.',
    )
    .argument('[type]', 'the job type; with --ndjson, of the lines that name none');
  for (const field of jobFieldOptions()) command.addOption(field);
  command
    .option('--idempotency-key <key>', 'a second call with the same key makes no second job')
    .addOption(
      new Option(
        '--wait [duration]',
        'wait until it has finished, at most for this time; exit code 1 if it did not succeed',
      )
        .argParser(duration)
        .conflicts('ndjson'),
    )
    .addOption(
      new Option(
        '--ndjson',
        'read standard input: each line is the body of a request as JSON, whose fields override the options given here',
      ).conflicts('idempotencyKey'),
    )
    .action(async (type: string | undefined, options) => (await jobsModule()).add(type, options));
  return examples(
    asking(command),
    `escapement jobs add payment_check --delay 10m --payload '{"order_id":"A-1"}'`,
    `escapement jobs add report --cron '0 9 * * 1-5' --timezone Europe/Berlin --repeat`,
    'escapement jobs add --ndjson < jobs.ndjson',
  );
}

function listCommand(): Command {
  const command = new Command('list').description('List jobs, by default the newest first.');
  withFilters(command)
    .option(
      '--search <text>',
      'only jobs with this text in payload, result or last error; the server reads the jobs for it',
    )
    .addOption(new Option('--sort <by>', 'order by creation or by due time').choices(['created', 'due']))
    .addOption(new Option('--order <order>', 'the default is desc, and asc with --sort due').choices(['asc', 'desc']))
    .addOption(
      new Option('--limit <number>', 'how many are listed at most').default(20).argParser(wholeNumber(1, 1000)),
    )
    .option('--cursor <cursor>', 'continue an earlier list, which has printed this cursor')
    .addOption(
      new Option('--all', 'all of them, page by page; with --json one job a line').conflicts(['limit', 'cursor']),
    )
    .action(async (options) => (await jobsModule()).list(options));
  return examples(
    asking(command),
    'escapement jobs list --status failed',
    'escapement jobs list --tag urgent --sort due',
    'escapement jobs list --all --json',
  );
}

function showCommand(): Command {
  const command = new Command('show')
    .description('Show everything about a job.')
    .argument('<id>', 'the id of the job')
    .action(async (id: string, options) => (await jobsModule()).show(id, options));
  return examples(asking(command), 'escapement jobs show job_1704182400_a1b2c3d4');
}

function updateCommand(): Command {
  const command = new Command('update')
    .description('Change a pending job. What is not named stays; a new time or schedule replaces the old one.')
    .argument('<id>', 'the id of the job');
  for (const field of jobFieldOptions('update')) command.addOption(field);
  command.action(async (id: string, options) => (await jobsModule()).update(id, options));
  return examples(asking(command), 'escapement jobs update job_1704182400_a1b2c3d4 --delay 1h');
}

function cancelCommand(): Command {
  const command = new Command('cancel')
    .description('Cancel jobs that are pending or running.')
    .argument('<id...>', 'ids of jobs')
    .action(async (ids: string[], options) => (await jobsModule()).act('cancel', ids, options));
  return examples(asking(command), 'escapement jobs cancel job_1704182400_a1b2c3d4');
}

function retryCommand(): Command {
  const command = new Command('retry')
    .description('Run failed jobs again.')
    .argument('<id...>', 'ids of jobs')
    .action(async (ids: string[], options) => (await jobsModule()).act('retry', ids, options));
  return examples(asking(command), 'escapement jobs retry job_1704182400_a1b2c3d4');
}

function runCommand(): Command {
  const command = new Command('run')
    .description('Run pending jobs now, paused or not. A repeating job gets one extra run; its next time stays.')
    .argument('<id...>', 'ids of jobs')
    .action(async (ids: string[], options) => (await jobsModule()).act('run', ids, options));
  return examples(asking(command), 'escapement jobs run job_1704182400_a1b2c3d4');
}

function runsCommand(): Command {
  const command = new Command('runs')
    .description(
      'Show the runs of a job, the newest first: how each attempt ended, and which times did not run and why.',
    )
    .argument('<id>', 'the id of the job')
    .addOption(
      new Option('--limit <number>', 'how many are listed at most').default(20).argParser(wholeNumber(1, 1000)),
    )
    .action(async (id: string, options) => (await import('../asking/runs.js')).runs(id, options));
  return examples(asking(command), 'escapement jobs runs job_1704182400_a1b2c3d4');
}

function logsCommand(): Command {
  const command = new Command('logs')
    .description('Show what the handlers of a job have written (ctx.log), the oldest first.')
    .argument('<id>', 'the id of the job')
    .addOption(
      new Option('--run <number>', 'only of this attempt, as "escapement jobs runs" counts them')
        .argParser(wholeNumber(1, 2 ** 32))
        .conflicts('follow'),
    )
    .addOption(new Option('--follow', 'go on with what comes, until the job has finished'))
    .action(async (id: string, options) => (await import('../asking/logs.js')).logs(id, options));
  return examples(asking(command), 'escapement jobs logs job_1704182400_a1b2c3d4 --follow');
}

function pauseCommand(): Command {
  const command = new Command('pause')
    .description('Pause jobs: they do not start until they are resumed. Running attempts go on.')
    .argument('<id...>', 'ids of jobs')
    .option('--until <instant>', 'end the pause then: 2030-01-31T09:00:00+01:00')
    .option('--reason <text>', 'shown with the pause')
    .action(async (ids: string[], options) => (await jobsModule()).pause(ids, options));
  return examples(
    asking(command),
    `escapement jobs pause job_1704182400_a1b2c3d4 --until 2030-01-31T09:00:00Z --reason 'the provider is down'`,
  );
}

function resumeCommand(): Command {
  const command = new Command('resume')
    .description('End the pause of jobs.')
    .argument('<id...>', 'ids of jobs')
    .action(async (ids: string[], options) => (await jobsModule()).act('resume', ids, options));
  return examples(asking(command), 'escapement jobs resume job_1704182400_a1b2c3d4');
}

function removeCommand(): Command {
  const command = new Command('remove')
    .description('Remove finished jobs, and everything that is stored about them.')
    .argument('<id...>', 'ids of jobs')
    .action(async (ids: string[], options) => (await jobsModule()).act('remove', ids, options));
  return examples(asking(command), 'escapement jobs remove job_1704182400_a1b2c3d4');
}

function watchCommand(): Command {
  const command = new Command('watch')
    .description(
      'Print what happens to a job, and how far it has come, until it has finished. Exit code 1 if it did not succeed.',
    )
    .argument('<id>', 'the id of the job')
    .option('--logs', 'print what its handlers write from now on (ctx.log), too')
    .action(async (id: string, options) => (await jobsModule()).watch(id, options));
  return examples(asking(command), 'escapement jobs watch job_1704182400_a1b2c3d4 --logs');
}
