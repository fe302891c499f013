/** The file of `--token-file`: a token a line. */
import { readFileSync } from 'node:fs';
import type { TokenLists } from './tokens.js';

/** What a token is made of, so that a header can carry it. */
export const tokenForm = /^[\x21-\x7e]+$/;

/**
 * Reads the tokens of a file; white space around a token and empty lines do not count.
 *
 * @throws Error that tells the user what to do, and no token
 */
function readTokenFile(path: string): string[] {
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

/**
 * The tokens that are given by options together with those of the file.
 *
 * @param path of `--token-file`; undefined: there is none
 * @throws Error that tells the user what to do, and no token
 */
export function withTokenFile({ full: given, read }: TokenLists, path: string | undefined): TokenLists {
  const full = path === undefined ? given : [...given, ...readTokenFile(path)];
  if (read.length > 0 && full.length === 0)
    throw new Error('--read-token needs --token or --token-file: without one of them nobody could change anything');
  if (read.some((text) => full.includes(text)))
    throw new Error('a token is given both by --read-token and by --token or --token-file; take it out of one of them');
  return { full, read };
}
