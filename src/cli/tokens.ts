/** The tokens that the options of `start` name: on the command line, in variables and in a file. */
import type { Config } from '../config.js';
import { withTokenFile } from '../server/http/token-file.js';
import { checkToken, orFail } from './output.js';

/** The options about tokens as commander hands them over. */
export interface TokenOptions {
  readonly token: readonly string[];
  readonly tokenFile?: string;
  readonly readToken: readonly string[];
}

/** @throws CommanderError that names no token */
export function readTokens({ token, tokenFile, readToken }: TokenOptions): Config['tokens'] {
  for (const text of [...token, ...readToken]) checkToken(text);
  return orFail(() => withTokenFile({ full: token, read: readToken }, tokenFile));
}
