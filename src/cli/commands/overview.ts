/** `escapement history`, `system` and `metrics`: how the whole server is, and was. */
import { Command, Option } from 'commander';
import { asking, examples, withServer } from '../option.js';

const statsModule = (): Promise<typeof import('../asking/overview/stats.js')> => import('../asking/overview/stats.js');

export function historyCommand(): Command {
  const command = new Command('history')
    .description('Show what happened on a running server over time, the latest last.')
    .addOption(
      new Option('--step <duration>', 'length of a step: 10s for the last three hours, 5m for the last seven days')
        .choices(['10s', '5m'])
        .default('5m'),
    )
    .option('--from <instant>', 'only steps that began at this time or later')
    .option('--to <instant>', 'only steps that began at this time or earlier')
    .action(async (options) => (await statsModule()).history(options));
  return examples(asking(command), 'escapement history --from 2030-01-31T09:00:00Z --to 2030-01-31T12:00:00Z');
}

export function systemCommand(): Command {
  const command = new Command('system')
    .description('Show the parts of a running server, their state, and its options.')
    .action(async (options) => (await statsModule()).system(options));
  return examples(asking(command), 'escapement system');
}

export function metricsCommand(): Command {
  const command = new Command('metrics')
    .description('Print the metrics of a running server, in the text format of Prometheus.')
    .action(async (options) => (await statsModule()).metrics(options));
  return examples(withServer(command), 'escapement metrics | grep waiting_jobs');
}
