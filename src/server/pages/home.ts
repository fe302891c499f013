/** `/`: what this is and where to go on, for whoever opens the server's address in a browser, where there is no
 * dashboard; and the icon of all pages. */
import { createHash } from 'node:crypto';
import type { Route } from '../http/app.js';
import { responseHead } from '../http/response-head.js';
import { version } from '../version.js';
import { page, pageHead } from './page.js';

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
dt { font-weight: 600 }
dd { margin: 0 0 .75rem }
`;
const styleHash = createHash('sha256').update(style).digest('base64');
const head = pageHead(`style-src 'sha256-${styleHash}'`);

/** An escape wheel: an ICO of one PNG, 32 × 32. */
const icon = Buffer.from(
  'AAABAAEAICAAAAEAIACoAQAAFgAAAIlQTkcNChoKAAAADUlIRFIAAAAgAAAAIAQDAAAAgVRnxwAAADBQTFRFtF8GtF8GtF8GtF8G' +
    'tF8GtF8GtF8GtF8GtF8GtF8GtF8GtF8GtF8GtF8GtF8GtF8GCWg3HgAAABB0Uk5TABEiM0RVZneImaq7zN3u/3aVARUAAAEXSURB' +
    'VHjaY2DADmQS0ARYfqIrmb8ASBQgCch/BxIfkQQ4/gswMH+GsIVdDBkYmP83MLB9AfPZ////v9Xr/v8nDNwQAQbm7P9gcFj/M8wA' +
    '7f//3//7/28/3FC7/5v1P1n//78BJnD+B4P+J4b+/wEwZwKlgALc/x0YGASAfMa+/wZM5/8oMP9fwMByAChQ//+fks7//4eU3l9g' +
    'nA/0JNd/OPjcD/Lj/B/2CCGgF9l+CvDCtPwH+ZDHAagJaugLsB2o1oIB63+Iw/7AHMr9H+L0x/DQ+v0e5Ln/m2AC9p9sIJZuM4AI' +
    '+G9g8Pv/d0k0UAgSzP4JwCA1gIYlWIsBAyMwSJGiAORD5ChgB2IuzKhzQBNgO4gjHQAAmJWVBYxkbXoAAAAASUVORK5CYII=',
  'base64',
);
const iconHead = responseHead('200 OK', 'image/x-icon');

/** @param base path of the API */
export function homeRoutes(base: string): Route[] {
  const html = home(base.slice(1));
  return [{ method: 'GET', path: '/', open: true, run: (exchange) => exchange.answer(head, html) }];
}

export const iconRoute: Route = {
  method: 'GET',
  path: '/favicon.ico',
  open: true,
  run: (exchange) => exchange.answer(iconHead, icon),
};

function home(api: string): string {
  const links: readonly (readonly [path: string, what: string])[] = [
    ['docs', 'the API, to read and to try'],
    [api, 'where the API begins: its resources'],
    [`${api}/health`, 'whether the server can do its work'],
    ['openapi.json', 'the API for programs (OpenAPI)'],
    ['asyncapi.json', 'the events for programs (AsyncAPI)'],
  ];
  const entries = links.map(([path, what]) => `<dt><a href="${path}">/${path}</a></dt><dd>${what}</dd>`).join('\n');
  return page(
    'Escapement',
    `<style>${style}</style>`,
    `<h1>Escapement</h1>
<p>A job scheduler server, version ${version}. Programs hand it jobs over HTTP; it keeps them on disk, runs each at its time and tells subscribers what happens.</p>
<dl>
${entries}
</dl>
<p>Events are on the WebSocket <code>/ws</code>.</p>`,
  );
}
