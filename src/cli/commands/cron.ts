/** `escapement cron`: needs no server. */
import { Command, Option } from 'commander';
import { examples, option } from '../option.js';
import { wholeNumber, zone } from '../option-values.js';
import { orExplain } from '../output.js';

export function cronCommand(): Command {
  const command = new Command('cron')
    .description('Explain a cron expression, and show when it fires next. It needs no server.')
    .argument('<expression>', 'five or six fields, or a shorthand such as @daily')
    .addOption(option('--timezone <name>', "its zone (default: the system's)").argParser(zone))
    .addOption(new Option('--count <number>', 'how many times are printed').default(5).argParser(wholeNumber(1, 100)))
    .option('--after <instant>', 'only times after this one (default: now)')
    .option('--json', 'print JSON')
    .action((expression: string, options) =>
      orExplain(async () => (await import('../cron.js')).cron(expression, options)),
    );
  return examples(command, "escapement cron '0 9 * * 1-5' --timezone Europe/Berlin");
}
