/** Options of the commands for those who work on the server: help, and one line for what is wrong, by commander. */
import { Command, InvalidArgumentError } from 'commander';

/** Exit code for options that are wrong, apart from 1: what was asked for was done, and it found something. */
const usageError = 2;

/** @param script as in `npm run <script>` */
export function commandLine(script: string, description: string): Command {
  return new Command(`npm run ${script} --`)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : usageError));
}

/** Reads an option's value. */
export function wholeNumber(min = 0): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} on.`);
  };
}

/** Reads an option's value. */
export function positive(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError('It must be a number above 0.');
}
