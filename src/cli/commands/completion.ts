/** `escapement completion`. */
import { Argument, Command } from 'commander';
import { examples } from '../option.js';
import { print } from '../output.js';

/** @param program all commands, to be read when it runs */
export function completionCommand(program: () => Command): Command {
  const command = new Command('completion')
    .description('Print what makes the Tab key of a shell complete commands and options.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash']))
    .action(async () => print((await import('../bash-completion.js')).bashCompletion(program()).trimEnd()));
  return examples(command, 'source <(escapement completion bash)');
}
