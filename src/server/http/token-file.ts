/** The file of `--token-file`: a token a line. */
import { readFileSync } from 'node:fs';

/** What a token is made of, so that a header can carry it. */
export const tokenForm = /^[\x21-\x7e]+$/;

/**
 * Reads the tokens of a file; white space around a token and empty lines do not count.
 *
 * @throws Error that tells the user what to do, and no token
 */
export function readTokenFile(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the file ${path} of --token-file: ${(error as NodeJS.ErrnoException).code}`);
  }
  const lines = text.split('\n').map((line) => line.trim());
  const wrong = lines.findIndex((line) => line !== '' && !tokenForm.test(line));
  if (wrong >= 0)
    throw new Error(
      `line ${wrong + 1} of the file ${path} of --token-file is no token: write one a line, visible ASCII characters without spaces`,
    );
  const tokens = lines.filter((line) => line !== '');
  if (tokens.length === 0)
    throw new Error(`the file ${path} of --token-file has no token in it: write one a line, or leave the option out`);
  return tokens;
}
