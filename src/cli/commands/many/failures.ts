/** `escapement failures`. */
import { Command, Option } from 'commander';
import { asking, examples } from '../../option.js';
import { wholeNumber } from '../../option-values.js';

export function failuresCommand(): Command {
  const command = new Command('failures')
    .description(
      'Show why jobs have failed, the most frequent reason first. Messages that differ only in numbers and ids count as one.',
    )
    .option('--type <type>', 'only jobs of this type')
    .addOption(new Option('--limit <number>', 'how many are listed at most').default(20).argParser(wholeNumber(1, 100)))
    .action(async (options) => (await import('../../asking/many/failures.js')).failures(options));
  return examples(
    asking(command),
    'escapement failures --type payment_check',
    'escapement jobs list --error-group 3f1c09d2a7b4',
  );
}
