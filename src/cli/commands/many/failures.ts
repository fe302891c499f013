/** `escapement failures`. */
import { Command, Option } from 'commander';
import { asking, examples } from '../../option.js';
import { wholeNumber } from '../../option-values.js';

export function failuresCommand(): Command {
  const command = new Command('failures')
    .description(
      'Show what jobs have failed of, the most frequent first. Messages that differ in numbers and ids only are one.',
    )
    .option('--type <type>', 'only jobs of this type')
    .addOption(new Option('--limit <number>', 'at most so many').default(20).argParser(wholeNumber(1, 100)))
    .action(async (options) => (await import('../../asking/many/failures.js')).failures(options));
  return examples(
    asking(command),
    'escapement failures --type payment_check',
    'escapement jobs list --error-group 3f1c09d2a7b4',
  );
}
