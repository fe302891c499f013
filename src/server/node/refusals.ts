/** What is refused below the gate, as uWebSockets.js does by itself: what is no request of HTTP/1.1 that we take. */

import type { IncomingMessage } from 'node:http';
import { problemBody } from '../../api/problem.js';
import { Refusal } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import type { Answer } from '../http/http-port.js';
import { problemHead } from '../http/problem-head.js';

const maxHeaders = 100;

/** Why a request that was read is none for us; undefined when it is. */
export function refusalOf({ httpVersion, url, rawHeaders, headers, method }: IncomingMessage): Answer | undefined {
  const headOnly = method === 'HEAD';
  if (httpVersion !== '1.1') return answer('This server speaks HTTP/1.1 only.', headOnly);
  if (rawHeaders.length >= 2 * maxHeaders)
    return answer(`A request may have fewer than ${maxHeaders} headers.`, headOnly);
  if (headers.host === undefined) return answer('The header Host is missing.', headOnly);
  if (!url?.startsWith('/'))
    return answer('The target of a request must be a path that begins with a slash.', headOnly);
  return undefined;
}

/** The answer to bytes that the parser could make nothing of. */
export function parserRefusal({ code }: NodeJS.ErrnoException): Answer {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return answer(`The head of a request may have at most ${limits.headerBytes} bytes.`);
    case 'HPE_INVALID_METHOD':
      return answer('What came is no request of HTTP/1.1, or has a method that is not known.');
    default:
      return answer('What came cannot be read as a request of HTTP/1.1.');
  }
}

function answer(detail: string, headOnly = false): Answer {
  const refusal = new Refusal('validation_failed', detail);
  return { head: problemHead(refusal.code), headers: [], body: problemBody(refusal), headOnly };
}
