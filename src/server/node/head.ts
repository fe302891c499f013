/** Heads of answers in the form that Node's HTTP takes. */
import { STATUS_CODES } from 'node:http';
import type { Answer } from '../http/http-port.js';

interface Parsed {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/** There are a few dozen, made once by `responseHead`: as many as there are answers, so nothing needs to leave. */
const known = new Map<string, Parsed>();

function parsed(head: string): Parsed {
  let found = known.get(head);
  if (found === undefined) {
    const [line = '', ...lines] = head.split('\r\n');
    const fields = lines.flatMap((each) => [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 2)]);
    const status = Number(line.slice(0, 3));
    found = { status, reason: line.slice(4) || (STATUS_CODES[status] as string), fields };
    known.set(head, found);
  }
  return found;
}

/** All that stands in the head of an answer, its length included. */
export function headOf({ head, headers, body, headOnly }: Answer): Parsed {
  const { status, reason, fields } = parsed(head);
  const length = body === '' && !headOnly ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  return { status, reason, fields: [...fields, ...headers, ...length] };
}

/** An answer that ends its connection, as bytes: for where Node has no response to write it to. */
export function lastAnswer(answer: Answer): string {
  const { status, reason, fields } = headOf(answer);
  const lines = [`HTTP/1.1 ${status} ${reason}`, 'Connection: close'];
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n${answer.headOnly ? '' : answer.body}`;
}
