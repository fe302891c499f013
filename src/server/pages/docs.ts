/**
 * `/docs`: a page to read the API's description and to try it, by Swagger UI. The build puts the page's files, compressed,
 * beside this one (`scripts/pages.mjs`). They are read when somebody first asks. Every browser takes gzip, so nobody is
 * asked.
 */
import { readFile } from 'node:fs/promises';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { responseHead } from '../http/response-head.js';
import { page, pageHead } from './page.js';

/** Where the page is. */
export const docsPath = '/docs';

const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const;

const head = pageHead("script-src 'self'; connect-src 'self'; style-src 'self'");
const html = page(
  'Escapement API',
  `<link rel="stylesheet" href="docs/swagger-ui.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/docs-page.js" type="module"></script>`,
  `<div id="docs"></div>
<noscript>This page needs JavaScript. <a href="openapi.json">openapi.json</a> has the same for programs.</noscript>`,
);

export function docsRoutes(): Route[] {
  return [
    { method: 'GET', path: docsPath, open: true, run: (exchange) => exchange.answer(head, html) },
    file('swagger-ui-bundle.js', 'js'),
    file('swagger-ui.css', 'css'),
    file('docs-page.js', 'js'),
  ];
}

function file(name: string, type: keyof typeof types): Route {
  const fileHead = responseHead('200 OK', types[type], [['Content-Encoding', 'gzip']]);
  let bytes: Promise<Buffer> | undefined;
  const run = (exchange: Exchange): void => {
    bytes ??= readFile(new URL(`./files/${name}.gz`, import.meta.url));
    bytes.then(
      (body) => exchange.answer(fileHead, body),
      (error: unknown) => exchange.fail(error),
    );
  };
  return { method: 'GET', path: `${docsPath}/${name}`, open: true, run };
}
