/**
 * Heads of responses, put together once: the status line and all headers that are the same in every answer of a kind are
 * written as one string. It goes out byte by byte, so nothing from a request may get in here.
 */

/** No answer may be taken for anything but what it says it is, or be kept by a cache: it is of one moment. */
const nosniff = 'X-Content-Type-Options: nosniff';
const everywhere = [nosniff, 'Cache-Control: no-store'];
/** But for files whose names change with their contents. */
const forEver = [nosniff, 'Cache-Control: public, max-age=31536000, immutable'];

/**
 * A status line with headers, for `writeStatus`.
 *
 * @param status code and reason phrase, `200 OK`
 * @param immutable caches may keep it for ever
 */
export function responseHead(
  status: string,
  contentType?: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
  immutable = false,
): string {
  const lines = [status, ...(immutable ? forEver : everywhere), ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (contentType !== undefined) lines.push(`Content-Type: ${contentType}`);
  if (lines.some((line) => /[\r\n]/.test(line))) throw new Error(`a line break in a response head: ${lines.join('|')}`);
  return lines.join('\r\n');
}

export const jsonOk = responseHead('200 OK', 'application/json');
export const jsonCreated = responseHead('201 Created', 'application/json');
export const jsonAccepted = responseHead('202 Accepted', 'application/json');
export const jsonUnavailable = responseHead('503 Service Unavailable', 'application/json', [['Retry-After', '5']]);
export const noContent = responseHead('204 No Content');
