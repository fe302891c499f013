/**
 * The dashboard at `/`: a page of the build's (`scripts/dashboard.mjs`), which asks the API like any client. Its files need no token.
 * They lie compressed below `dist/dashboard`, are read when somebody first asks, and are named after what is in them, so that browsers
 * may keep all but the page itself.
 */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Refusal } from '../../domain/errors.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { responseHead } from '../http/response-head.js';

const folder = fileURLToPath(new URL('../../../dashboard/', import.meta.url));
const pageName = 'index.html';

/** Nothing from elsewhere, and nothing that stands in the page itself. */
const policy =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const codings = { br: 'br', gzip: 'gz' } as const;
type Coding = keyof typeof codings;

/** Undefined where the build has made none. */
export function dashboardRoutes(): readonly Route[] | undefined {
  if (!existsSync(`${folder}${pageName}.gz`)) return undefined;
  const files = new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.gz'))
      .map((name) => [name.slice(0, -'.gz'.length), new File(name.slice(0, -'.gz'.length))]),
  );
  const page = files.get(pageName) as File;
  files.delete(pageName);
  return [
    { method: 'GET', path: '/', open: true, run: (exchange) => page.answer(exchange) },
    {
      method: 'GET',
      path: '/dashboard/:file',
      open: true,
      run: (exchange) => {
        const file = files.get(exchange.parameter);
        if (file === undefined)
          throw new Refusal('not_found', 'The dashboard has no such file: load the page again, it may be a newer one.');
        file.answer(exchange);
      },
    },
  ];
}

class File {
  readonly #name: string;
  readonly #headers: readonly (readonly [string, string])[];
  readonly #bytes = new Map<Coding | undefined, Promise<{ readonly head: string; readonly body: Buffer }>>();

  constructor(name: string) {
    this.#name = name;
    this.#headers =
      name === pageName
        ? [
            ['Content-Security-Policy', policy],
            ['Referrer-Policy', 'no-referrer'],
            ['Cross-Origin-Opener-Policy', 'same-origin'],
          ]
        : [['Vary', 'Accept-Encoding']];
  }

  answer(exchange: Exchange): void {
    const coding = codingOf(exchange.acceptEncoding);
    let found = this.#bytes.get(coding);
    if (found === undefined) this.#bytes.set(coding, (found = this.#read(coding)));
    found.then(
      ({ head, body }) => exchange.answer(head, body),
      (error: unknown) => {
        this.#bytes.delete(coding);
        exchange.fail(error);
      },
    );
  }

  async #read(coding: Coding | undefined): Promise<{ head: string; body: Buffer }> {
    const read = await readFile(`${folder}${this.#name}.${codings[coding ?? 'gzip']}`);
    const encoding = coding === undefined ? [] : ([['Content-Encoding', coding]] as const);
    const isPage = this.#name === pageName;
    const head = responseHead('200 OK', types[extname(this.#name)], [...this.#headers, ...encoding], !isPage);
    return { head, body: coding === undefined ? gunzipSync(read) : read };
  }
}

/** The best of those that the client takes; undefined: none. */
function codingOf(accepted: string | undefined): Coding | undefined {
  const taken = new Set(
    (accepted ?? '')
      .toLowerCase()
      .split(',')
      .map((part) => part.split(';'))
      .filter(([, quality]) => quality === undefined || !/^\s*q=0(\.0*)?\s*$/.test(quality))
      .map(([name]) => (name as string).trim()),
  );
  return (['br', 'gzip'] as const).find((coding) => taken.has(coding));
}
