/** `escapement top`. */
import { Command, Option } from 'commander';
import { examples, withServer } from '../option.js';
import { duration } from '../option-values.js';

export function topCommand(): Command {
  const command = new Command('top')
    .description(
      'Show what a running server does, live: counts, rates, lateness, the busiest types. q ends it. Without a terminal it prints one snapshot.',
    )
    .addOption(
      new Option('--interval <duration>', 'how often the screen is updated, at least 100ms')
        .default(1000, '1s')
        .argParser(duration),
    )
    .action(async (options) => (await import('../asking/top.js')).top(options));
  return examples(withServer(command), 'escapement top');
}
