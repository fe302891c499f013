/** `escapement events`. */
import { Command, Option } from 'commander';
import { asking, examples } from '../option.js';
import { eventPlace, many } from '../option-values.js';

const words = many((text) => text);

export function eventsCommand(): Command {
  const command = new Command('events')
    .description(
      'Print events as they happen, until you stop the command. When the connection breaks, it connects again and misses nothing.',
    )
    .addOption(
      new Option('--type <type>', 'only of jobs of this type (repeatable, or with commas)')
        .default([], 'all')
        .argParser(words),
    )
    .addOption(
      new Option('--event <event>', 'only this event: job.failed (repeatable, or with commas)')
        .default([], 'all')
        .argParser(words),
    )
    .addOption(
      new Option('--job <id>', 'only of this job (repeatable, or with commas)').default([], 'all').argParser(words),
    )
    .addOption(
      new Option(
        '--since <seq>',
        'print first all events after this number, or after this cursor where there are several shards; 0: all that are kept',
      ).argParser(eventPlace),
    )
    .action(async (options) => (await import('../asking/events.js')).tail(options));
  return examples(asking(command), 'escapement events --event job.failed --since 0');
}
