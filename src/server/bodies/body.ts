/** Request bodies: whether one can be read at all, and its bytes, bounded while they come. */

import { parse } from 'content-type';
import { Refusal } from '../../domain/errors.js';
import type { Exchange } from '../http/exchange.js';
import type { Reply } from '../http/http-port.js';
import type { RequestHead } from '../http/request-head.js';

/**
 * True when the header names this type, in UTF-8 or without a charset; the other parameters that types may have, RFC 8259
 * does not know. The forms of RFC 9110, section 5.6.6, are read by a library.
 */
function isOfType(contentType: string, type: string): boolean {
  const parsed = parse(contentType);
  if (parsed.type !== type) return false;
  return Object.entries(parsed.parameters).every(([name, value]) => name === 'charset' && /^utf-8$/i.test(value));
}

/** True when the body is announced as one JSON value per line. */
export function isNdjson({ contentType }: RequestHead): boolean {
  return contentType !== undefined && isOfType(contentType, 'application/x-ndjson');
}

/** True for codings that leave the body as it is; members of a list may be empty (RFC 9110, section 5.6.1). */
function isPlain(contentEncoding: string): boolean {
  return contentEncoding.split(',').every((coding) => ['', 'identity'].includes(coding.trim().toLowerCase()));
}

/** Why the body that these headers announce is not taken, or undefined. */
export function mediaRefusal(head: RequestHead, maxBytes: number, ndjson = false): Refusal | undefined {
  const { contentType, contentEncoding, contentLength } = head;
  if (contentEncoding !== undefined && !isPlain(contentEncoding)) {
    return new Refusal('unsupported_media_type', 'The body must not be compressed: no Content-Encoding is understood.');
  }
  // A body that is not there has no type; the route says that it is missing.
  const announced = head.transferEncoding !== undefined || (contentLength !== undefined && Number(contentLength) > 0);
  const readable = ndjson && isNdjson(head);
  if (
    !readable &&
    (contentType === undefined
      ? announced
      : contentType !== 'application/json' && !isOfType(contentType, 'application/json'))
  ) {
    const or = ndjson ? ', or "application/x-ndjson" with one job per line' : '';
    return new Refusal('unsupported_media_type', `The body must be JSON: send "Content-Type: application/json"${or}.`);
  }
  return Number(contentLength ?? 0) > maxBytes ? tooLarge(maxBytes) : undefined;
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(
    'payload_too_large',
    `The body may have at most ${maxBytes} bytes; --max-body sets the limit for single jobs.`,
  );
}

/**
 * Hands the whole body to `route.run` once it is there. A body that came in one piece is not copied: it is valid during
 * the call only.
 */
export function collectBody(
  reply: Reply,
  exchange: Exchange,
  maxBytes: number,
  route: { run(exchange: Exchange, body: Buffer): void },
): void {
  let earlier: Buffer = none;
  let bytes = 0;
  exchange.complete = false;
  reply.onData((chunk, isLast) => {
    if (exchange.over) return exchange.drop(chunk.length, isLast);
    const before = bytes;
    bytes += chunk.length;
    if (isLast) exchange.bodyToCome = 0;
    if (bytes > maxBytes) return exchange.refuseAndEnd(tooLarge(maxBytes));
    let body = chunk;
    if (before > 0 || !isLast) {
      // One growing buffer: a body that trickles in byte by byte must not cost an object for each.
      if (earlier.length < bytes) {
        const size = Math.min(maxBytes, bytes * 2);
        if (!exchange.reserve(size)) return exchange.refuseAndEnd(tooMany());
        earlier = grown(earlier, before, size);
      }
      body.copy(earlier, before);
      body = earlier.subarray(0, bytes);
    }
    if (!isLast) return;
    exchange.complete = true;
    if (before > 0) exchange.renew();
    try {
      route.run(exchange, body);
    } catch (error) {
      exchange.fail(error);
    }
    if (!exchange.keepsBody) exchange.reserve(0);
  }, true);
}

/** The answer to a request whose body there is no memory for. */
export function tooMany(): Refusal {
  return new Refusal(
    'overloaded',
    'The bodies that are being received take all the memory that they may. Try again in a moment.',
  );
}

const none = Buffer.alloc(0);

function grown(buffer: Buffer, used: number, size: number): Buffer {
  const larger = Buffer.allocUnsafe(size);
  buffer.copy(larger, 0, 0, used);
  return larger;
}
