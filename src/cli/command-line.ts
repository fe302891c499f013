/**
 * The command line. Most options are also environment variables; the command line goes first, then the environment, then
 * the default. Exit codes: 0 it is done; 1 it failed or was refused; 2 a mistake in the command line or a variable; 3 no
 * server answers.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import type { Config } from '../config.js';
import { stopSignals } from '../process/signals.js';
import { backupCommand } from './commands/backup.js';
import { checkCommand, restoreCommand } from './commands/check.js';
import { clusterCommand, moveCommand } from './commands/cluster.js';
import { completionCommand } from './commands/completion.js';
import { cronCommand } from './commands/cron.js';
import { eventsCommand } from './commands/events.js';
import { healthCommand } from './commands/health.js';
import { jobsCommand } from './commands/jobs.js';
import { bulkCommand } from './commands/many/bulk.js';
import { failuresCommand } from './commands/many/failures.js';
import { historyCommand, metricsCommand, systemCommand } from './commands/overview.js';
import { pauseCommand, resumeCommand } from './commands/pause.js';
import { startCommand } from './commands/start.js';
import { statsCommand } from './commands/stats.js';
import { topCommand } from './commands/top.js';
import { typesCommand } from './commands/types.js';
import { endWithReader, explain, fail, oneLine, startError, usageError } from './output.js';
import { passOverServiceLinks, readVariables } from './variables.js';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

function program(): Command {
  const escapement: Command = new Command('escapement')
    .description(
      'A job scheduler server: durable delayed, cron and repeating jobs over HTTP, run in worker threads, watched live.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .commandsGroup('Jobs:')
    .addCommand(jobsCommand().summary('make, find, change and follow jobs'))
    .addCommand(bulkCommand().summary('do something with many jobs at once'))
    .addCommand(failuresCommand().summary('show why jobs have failed'))
    .addCommand(typesCommand().summary('show the job types, limit and pause them'))
    .addCommand(cronCommand().summary('explain a cron expression'))
    .commandsGroup('Watching a server:')
    .addCommand(eventsCommand().summary('print events as they happen'))
    .addCommand(topCommand().summary('show what the server does, live'))
    .addCommand(statsCommand().summary('show counts and figures'))
    .addCommand(historyCommand().summary('show what happened, in steps of time'))
    .addCommand(healthCommand().summary('ask whether the server is well'))
    .addCommand(systemCommand().summary('show versions, sizes and options'))
    .addCommand(clusterCommand().summary('show the nodes and shards of a cluster'))
    .addCommand(metricsCommand().summary('print all metrics, for Prometheus'))
    .commandsGroup('Running a server:')
    .addCommand(startCommand(startServer).summary('start a server'))
    .addCommand(pauseCommand().summary('stop starting jobs, and accept new ones'))
    .addCommand(resumeCommand().summary('start jobs again after a pause'))
    .addCommand(backupCommand().summary('write a backup while the server runs'))
    .addCommand(restoreCommand().summary('make a data directory from a backup'))
    .addCommand(checkCommand().summary('check a backup, a data directory or a cluster'))
    .addCommand(moveCommand().summary('bring the jobs of a directory into a cluster'))
    .commandsGroup('More:')
    .addCommand(completionCommand(() => escapement).summary('print what makes bash complete all this'))
    .addHelpCommand(new Command('help').argument('[command]').helpGroup('More:').summary('print the help of a command'))
    .addHelpText('after', '\n"escapement <command> --help" says more, with an example.');
  for (const command of withDescendants(escapement)) {
    command
      .allowExcessArguments(false)
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(oneLine(mistake(text, command))) });
  }
  return escapement;
}

/** What commander says of a mistake, and where to look it up. What is wrong with a value says itself what is right. */
function mistake(text: string, command: Command): string {
  const said = text.replace(/^error: /, '').trim();
  if (!/^(unknown|missing|too many|required)/.test(said)) return said;
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return `${said.replace(/\.$/, '')}; see "${names.join(' ')} --help"`;
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

// --- Running ---

async function startServer(config: Config): Promise<void> {
  goOnWithoutReader();
  if (serviceLinks.length > 0) {
    process.stderr.write(
      oneLine(
        `ignored ${serviceLinks.join(', ')}: Kubernetes sets them for a Service, and they are no settings of this server ("enableServiceLinks: false" in the pod leaves them out)`,
      ),
    );
  }
  const unknown = unknownVariables();
  if (unknown.length > 0) {
    const names = unknown.join(', ');
    process.stderr.write(
      oneLine(`no option has the variable ${names}; "escapement start --help" shows those there are`),
    );
  }
  try {
    // Loaded only now: help and usage errors must not depend on whether native libraries load here.
    const { runServer } = await import('../main.js');
    await runServer(config, stopSignals, (error) => oneLine(explain(error)));
  } catch (error) {
    process.stderr.write(oneLine(explain(error)));
    process.exit(startError);
  }
}

/** Variables that look like ours and set nothing: a misspelt token would leave the server open. */
function unknownVariables(): string[] {
  const known = new Set(allOptions.map(({ envVar }) => envVar));
  return Object.keys(process.env).filter(
    (name) => name.startsWith('ESCAPEMENT_') && !known.has(name) && !serviceLinks.includes(name),
  );
}

const goOnWithoutReader = endWithReader();
const escapement = program();
const allOptions = withDescendants(escapement).flatMap(({ options }) => options);
const serviceLinks = passOverServiceLinks(allOptions, process.env);
try {
  const mistake = readVariables(allOptions, process.env);
  if (mistake !== undefined) fail(mistake);
  await escapement.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : usageError;
}
