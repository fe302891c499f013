/** Reads the value of an option that is a whole number from 1 on, for commander. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(text) {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}
