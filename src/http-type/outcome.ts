/** What an answer means for the attempt: a result, or a failure that is final or not. */
import { limits } from '../domain/limits.js';
import { Omitted } from '../pool/worker/result.js';
import { type Answer, isSuccess } from './call.js';
import type { Masking } from './masking.js';
import { retryAfterMs } from './retry-after.js';

/** How a request failed. The message is seen by all who may read the job, and by subscribers: of the URL it has the origin alone. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    message: string,
    readonly retryable: boolean,
    /** How long the retry waits, in milliseconds; absent: as the job says. */
    readonly retryAfter?: number,
  ) {
    super(message);
    // Where in the server it was made says nothing to whoever reads the log.
    this.stack = `${this.name}: ${message}`;
  }
}

/** These ask to come again; so does whatever is 500 or more. */
const temporary = [408, 425, 429];

/** What the message of a failure shows of the answer. */
const shownChars = 500;

/**
 * @param what the request, as the subject of a sentence
 * @throws HttpError for anything but a success
 */
export function outcomeOf(what: string, answer: Answer, masking: Masking, now: number): unknown {
  const { status, phrase, headers } = answer;
  if (isSuccess(status)) return resultOf(answer, masking);
  const isTemporary = status >= 500 || temporary.includes(status);
  const said = `${what} was answered with ${status}${phrase === '' ? '' : ` ${phrase}`}${redirected(answer)}`;
  const wait = isTemporary ? retryAfterMs(headers['retry-after'], now) : undefined;
  throw new HttpError(masking.text(`${said}${explanation(answer, masking)}`), isTemporary, wait);
}

function redirected({ status, headers: { location } }: Answer): string {
  if (status < 300 || status >= 400) return '';
  const to = location !== undefined && URL.canParse(location) ? ` to ${new URL(location).origin}` : '';
  return `, a redirect${to}, which is not followed`;
}

/** The beginning of a body that is text. Of one that was cut, the end may be a part of what is to be masked. */
function explanation({ body, whole, headers }: Answer, masking: Masking): string {
  if (!isPlain(headers) || (!whole && !masking.isEmpty)) return '';
  const text = masking.text(decode(body, headers['content-type']) ?? '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they have no place in a message
  const line = text.replace(/[\s\x00-\x1f\x7f]+/g, ' ').trim();
  if (line === '') return '';
  return `: ${line.length > shownChars ? `${line.slice(0, shownChars)}…` : line}`;
}

/** JSON as what it means, text as a string; nothing where there is no body. */
function resultOf({ body, whole, headers }: Answer, masking: Masking): unknown {
  if (!whole) return new Omitted(`the answer has more than ${limits.resultBytes} bytes`);
  if (body.length === 0) return undefined;
  if (!isPlain(headers)) return new Omitted(`the answer is encoded (${headers['content-encoding']})`);
  const type = headers['content-type'];
  const text = decode(body, type);
  if (text === undefined) return new Omitted(`the answer is neither JSON nor text${type ? ` (${type})` : ''}`);
  const isJson = /^application\/(?:[^;]*\+)?json\s*(?:;|$)/i.test(type ?? '');
  if (!isJson) return masking.text(text);
  try {
    return masking.json(JSON.parse(text));
  } catch {
    // It says that it is JSON, and is not; or it is nested too deep to be looked through.
    return masking.text(text);
  }
}

function isPlain(headers: Answer['headers']): boolean {
  return ['', 'identity'].includes(headers['content-encoding']?.trim().toLowerCase() ?? '');
}

/** The body as text, by its charset or as UTF-8; undefined where it is none. */
function decode(body: Buffer, type: string | undefined): string | undefined {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
