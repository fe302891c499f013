/** The tokens that the options of `start` name: on the command line, in variables and in a file. */
import type { Config } from '../config.js';
import { readTokenFile } from '../server/http/token-file.js';
import { checkToken, fail, orFail } from './output.js';

/** The options about tokens as commander hands them over. */
export interface TokenOptions {
  readonly token: readonly string[];
  readonly tokenFile?: string;
  readonly readToken: readonly string[];
}

/** @throws CommanderError that names no token */
export function readTokens({ token, tokenFile, readToken }: TokenOptions): Config['tokens'] {
  for (const text of [...token, ...readToken]) checkToken(text);
  const full = tokenFile === undefined ? token : [...token, ...orFail(() => readTokenFile(tokenFile))];
  if (readToken.length > 0 && full.length === 0)
    fail('--read-token needs --token or --token-file: without one of them nobody could change anything');
  if (readToken.some((text) => full.includes(text)))
    fail('a token is given both by --read-token and by --token or --token-file; take it out of one of them');
  return { full, read: readToken };
}
