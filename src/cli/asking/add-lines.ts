/** `escapement jobs add --ndjson`: a job for each line of standard input, many to a request. */
import { createInterface } from 'node:readline';
import { Creations } from '../../client/creations.js';
import { EscapementError } from '../../client/errors.js';
import type { Transport } from '../../client/transport.js';
import { print } from '../output.js';
import { report } from './connection.js';
import { grouped } from './text.js';

/** Lines that are read ahead of the server's answers. */
const mostAhead = 5000;
/** A server that is restarted meanwhile loses nothing: each line has an idempotency key. */
const patienceMs = 30_000;

type Fields = Readonly<Record<string, unknown>>;

/** @param defaults of the lines that are silent; its payload is JSON text */
export async function addLines(server: Transport, defaults: Fields, { json }: { readonly json?: true }): Promise<void> {
  const creations = new Creations(server.patient(patienceMs));
  const texts = Object.entries(defaults).map(
    ([name, value]) => [name, name === 'payload' ? String(value) : JSON.stringify(value)] as const,
  );
  const run = crypto.randomUUID();
  let made = 0;
  let refused = 0;
  let unreachable: unknown;
  const ahead = new Set<Promise<void>>();
  let number = 0;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === '') continue;
    const at = number;
    const refuse = (error: unknown): void => {
      refused++;
      if (error instanceof EscapementError && error.code === 'unreachable') unreachable = error;
      else report(error, `line ${at}: `);
    };
    let body: string;
    try {
      body = bodyOf(line, texts, `${run}-${at}`);
    } catch (error) {
      refuse(error);
      continue;
    }
    const one: Promise<void> = creations
      .add(body)
      .then((job) => {
        made++;
        print(json ? JSON.stringify(job) : job.id);
      }, refuse)
      .finally(() => ahead.delete(one));
    ahead.add(one);
    if (ahead.size >= mostAhead) await Promise.race(ahead);
    if (unreachable !== undefined) break;
  }
  await Promise.all(ahead);
  process.stderr.write(`${grouped(made)} jobs made${refused > 0 ? `, ${grouped(refused)} lines refused` : ''}\n`);
  if (unreachable !== undefined) throw unreachable;
}

/**
 * The line with what it leaves out. It is extended as text, so that its numbers stay as they were written.
 * @throws Error whose message is for the user
 */
function bodyOf(line: string, defaults: readonly (readonly [name: string, json: string])[], key: string): string {
  let own: unknown;
  try {
    own = JSON.parse(line);
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`);
  }
  if (typeof own !== 'object' || own === null || Array.isArray(own)) throw new Error('it must be a JSON object');
  const added = [...defaults, ['idempotency_key', JSON.stringify(key)] as const]
    .filter(([name]) => !Object.hasOwn(own, name))
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`);
  const rest = line.trim().slice(1).trimStart();
  return `{${added.join()}${rest === '}' || added.length === 0 ? '' : ','}${rest}`;
}
