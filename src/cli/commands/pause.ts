/** `escapement pause` and `escapement resume`. */
import { Command } from 'commander';
import { asking, examples } from '../option.js';

const pauseModule = (): Promise<typeof import('../asking/pause.js')> => import('../asking/pause.js');

export function pauseCommand(): Command {
  const command = new Command('pause')
    .description('Pause a running server: it accepts jobs, and starts none until it is resumed.')
    .option('--reason <text>', 'shown with the pause')
    .action(async (options) => (await pauseModule()).pause(options));
  return examples(asking(command), `escapement pause --reason 'the database moves'`);
}

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('End the pause of a server.')
    .action(async (options) => (await pauseModule()).resume(options));
  return examples(asking(command), 'escapement resume');
}
