/** `escapement stats`. */
import { Command } from 'commander';
import { asking, examples } from '../option.js';

export function statsCommand(): Command {
  const command = new Command('stats')
    .description('Show the figures of a running server.')
    .action(async (options) => (await import('../asking/overview/stats.js')).stats(options));
  return examples(asking(command), 'escapement stats');
}
