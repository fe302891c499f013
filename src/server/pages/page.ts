/** Pages for people: HTML with a policy of what it may load, which is nothing from elsewhere. */
import { responseHead } from '../http/response-head.js';

/** Status line and headers of a page. @param sources what it may load, as directives of a Content-Security-Policy */
export function pageHead(sources: string): string {
  const policy = `default-src 'none'; ${sources}; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return responseHead('200 OK', 'text/html; charset=utf-8', [
    ['Content-Security-Policy', policy],
    ['Referrer-Policy', 'no-referrer'],
  ]);
}

/**
 * A whole page. Its links are relative, since the server may be below a path of a proxy's.
 *
 * @param head further elements of the head
 */
export function page(title: string, head: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="favicon.ico">
${head}
${body}
</html>
`;
}
