/** `escapement history`, `system` and `metrics`: how the whole server is, and was. */
import { Command, Option } from 'commander';
import { asking, examples, withServer } from '../option.js';

const statsModule = (): Promise<typeof import('../asking/overview/stats.js')> => import('../asking/overview/stats.js');

export function historyCommand(): Command {
  const command = new Command('history')
    .description('Show what happened on a running server in steps of time, the latest last.')
    .addOption(
      new Option('--step <duration>', 'of the last three hours in 10s, or of the last seven days in 5m')
        .choices(['10s', '5m'])
        .default('5m'),
    )
    .option('--from <instant>', 'only steps that began then or later')
    .option('--to <instant>', 'only steps that began then or earlier')
    .action(async (options) => (await statsModule()).history(options));
  return examples(asking(command), 'escapement history --from 2030-01-31T09:00:00Z --to 2030-01-31T12:00:00Z');
}

export function systemCommand(): Command {
  const command = new Command('system')
    .description('Show what a running server is made of, its options, and how its parts are.')
    .action(async (options) => (await statsModule()).system(options));
  return examples(asking(command), 'escapement system');
}

export function metricsCommand(): Command {
  const command = new Command('metrics')
    .description('Print all that a running server counts, in the text format of Prometheus.')
    .action(async (options) => (await statsModule()).metrics(options));
  return examples(withServer(command), 'escapement metrics | grep waiting_jobs');
}
