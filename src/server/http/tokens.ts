/**
 * The tokens of a server, and what each allows. They are compared in a time that tells neither how much of one is right
 * nor which one was. They may be replaced while the server runs.
 */
import { timingSafeEqual } from 'node:crypto';

/** What a caller may do; `none` of what needs a token. */
export type Access = 'full' | 'read' | 'none';

/** Tokens by what they allow. Visible ASCII. */
export interface TokenLists {
  /** These may do all. */
  readonly full: readonly string[];
  /** These may read. */
  readonly read: readonly string[];
}

interface Token {
  readonly bytes: Buffer;
  readonly access: Access;
  /** What was given, cut to the length of this one. */
  readonly given: Buffer;
}

export class Tokens {
  #tokens: readonly Token[] = [];

  constructor(lists: TokenLists) {
    this.replace(lists);
  }

  /** From now on these are valid, and no others. */
  replace({ full, read }: TokenLists): void {
    this.#tokens = [...full.map((text) => token(text, 'full')), ...read.map((text) => token(text, 'read'))];
  }

  /** There is none: requests need none. */
  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  /** What `text` allows; a text that is no token allows nothing. */
  accessOf(text: string): Access {
    const length = Buffer.byteLength(text);
    let access: Access = 'none';
    // All are compared, also behind one that fits.
    for (const { bytes, given, access: allowed } of this.#tokens) {
      given.fill(0);
      // Headers come decoded as UTF-8.
      given.write(text, 'utf8');
      const same = timingSafeEqual(given, bytes);
      if (same && length === bytes.length) access = allowed;
    }
    return access;
  }
}

function token(text: string, access: Access): Token {
  const bytes = Buffer.from(text, 'utf8');
  return { bytes, access, given: Buffer.alloc(bytes.length) };
}
