/** `escapement bulk …`: something is done with many jobs. */
import { Argument, Command, Option } from 'commander';
import { bulkActions } from '../../../domain/control/bulk.js';
import { asking, examples } from '../../option.js';
import { wholeNumber } from '../../option-values.js';
import { withFilters } from './filters.js';

const bulkModule = (): Promise<typeof import('../../asking/many/bulk.js')> => import('../../asking/many/bulk.js');

export function bulkCommand(): Command {
  return new Command('bulk')
    .description('Cancel, retry, pause or change many jobs of a running server at once.')
    .addCommand(startCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(cancelCommand());
}

function startCommand(): Command {
  const command = new Command('start')
    .description('Act on all jobs that match now, each once. It goes on by itself, also after a restart of the server.')
    .addArgument(new Argument('<action>', 'what is done').choices(Object.keys(bulkActions)));
  withFilters(command)
    .option('--all', 'all jobs')
    .option('--change <json>', 'with update: the body of a change, such as \'{"max_retries": 1}\'')
    .option('--dry-run', 'only say how many jobs match')
    .addOption(
      new Option('--wait', 'wait until it has ended; exit code 1 if it was refused for a job').conflicts('dryRun'),
    )
    .action(async (action: string, options) => (await bulkModule()).start(action, options));
  return examples(
    asking(command),
    'escapement bulk start retry --status failed --type payment_check',
    'escapement bulk start cancel --tag import-7 --dry-run',
    `escapement bulk start update --tag import-7 --change '{"max_retries": 1}' --wait`,
  );
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List bulk actions, the latest first.')
    .addOption(new Option('--limit <number>', 'how many are listed at most').default(20).argParser(wholeNumber(1, 100)))
    .action(async (options) => (await bulkModule()).list(options));
  return examples(asking(command), 'escapement bulk list');
}

function showCommand(): Command {
  const command = new Command('show')
    .description('Show a bulk action and its progress.')
    .argument('<id>', 'its id')
    .action(async (id: string, options) => (await bulkModule()).show(id, options));
  return examples(asking(command), 'escapement bulk show bulk_17');
}

function cancelCommand(): Command {
  const command = new Command('cancel')
    .description('Stop a bulk action. What has been done stays done.')
    .argument('<id>', 'its id')
    .action(async (id: string, options) => (await bulkModule()).cancel(id, options));
  return examples(asking(command), 'escapement bulk cancel bulk_17');
}
