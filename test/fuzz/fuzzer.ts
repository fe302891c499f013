/**
 * The fuzzer: batches of inputs against a server, each followed by the question whether it is still as it should be. A
 * batch depends on the seed and on its number alone, and on the ids that the server gave before; so a finding is told with
 * the bytes of its inputs, which can be sent again by themselves.
 */
import { connect } from 'node:net';
import { Random } from '../simulation/random.js';
import { httpInput, upgradeHeaders } from './http-input.js';
import { Target } from './target.js';
import { wsInput } from './ws-input.js';

export interface Input {
  readonly kind: 'http' | 'ws';
  readonly bytes: Buffer;
}

export interface Finding {
  readonly what: string;
  readonly seed: number;
  readonly batch: number;
  /** The input that it was, or all of the batch when it may be any of them. */
  readonly inputs: readonly Input[];
}

export interface Report {
  readonly batches: number;
  readonly inputs: number;
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly finding?: Finding;
}

const perBatch = 40;
const lanes = 10;
/** An input that gets no answer, or no further one, for so long has had its chance. */
const quietMs = 80;
const keptIds = 30;

/** Runs batches until the time is up or something is found. */
export async function fuzz(options: { readonly seed: number; readonly seconds: number }): Promise<Report> {
  const { seed, seconds } = options;
  const target = await Target.start();
  const statuses: Record<string, number> = {};
  const ids: string[] = [];
  const until = performance.now() + seconds * 1000;
  let batch = 0;
  try {
    do {
      batch += 1;
      const inputs = batchOf(seed, batch, ids);
      const bad = (await fire(target, inputs, statuses)) ?? (await unwell(target, ids));
      if (bad !== undefined) {
        const finding = { what: bad.what, seed, batch, inputs: bad.input ? [bad.input] : inputs };
        return { batches: batch, inputs: batch * perBatch, statuses, finding };
      }
      ids.splice(0, ids.length - keptIds);
    } while (performance.now() < until);
    return { batches: batch, inputs: batch * perBatch, statuses };
  } finally {
    await target.stop();
  }
}

/** Sends inputs once more, to a fresh server; what is wrong then, if anything. */
export async function replay(inputs: readonly Input[]): Promise<string | undefined> {
  const target = await Target.start();
  try {
    return ((await fire(target, inputs, {})) ?? (await unwell(target, [])))?.what;
  } finally {
    await target.stop();
  }
}

function batchOf(seed: number, batch: number, ids: readonly string[]): Input[] {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ batch);
  return Array.from({ length: perBatch }, () =>
    random.chance(0.8)
      ? { kind: 'http' as const, bytes: httpInput(random, ids) }
      : { kind: 'ws' as const, bytes: wsInput(random) },
  );
}

interface Bad {
  readonly what: string;
  readonly input?: Input;
}

async function fire(
  target: Target,
  inputs: readonly Input[],
  statuses: Record<string, number>,
): Promise<Bad | undefined> {
  const queue = [...inputs];
  let bad: Bad | undefined;
  const lane = async (): Promise<void> => {
    for (let input = queue.shift(); input !== undefined && bad === undefined; input = queue.shift()) {
      const text = await send(target.port, input);
      for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g))
        statuses[status!] = (statuses[status!] ?? 0) + 1;
      const what = wrongAnswer(text);
      if (what !== undefined) bad = { what: `${what}: ${text.slice(0, 500)}`, input };
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return bad;
}

/** What no client may ever be answered. 505 is uWebSockets.js's word for what is no HTTP/1.1. */
export function wrongAnswer(text: string): string | undefined {
  const status = [...text.matchAll(/HTTP\/1\.1 (5\d\d) [A-Z]/g)].find(([, code]) => code !== '503' && code !== '505');
  if (status) return `status ${status[1]}`;
  if (text.includes('internal_error')) return 'internal_error';
  if (/\n\s+at .*:\d+:\d+|node_modules|escapement-fuzz-/.test(text)) return 'a stack or a path';
  return undefined;
}

/** Whether the server lives, and does properly what it is properly asked for. */
async function unwell(target: Target, ids: string[]): Promise<Bad | undefined> {
  if (!target.alive) return { what: `the server has died: ${target.end}: ${target.output.slice(-2000)}` };
  if (/"level":(50|60)/.test(target.output)) return { what: `an error in its log: ${target.output.slice(-2000)}` };
  const body = JSON.stringify({ name: 'echo', delay: '0s', payload: { proof: true } });
  const made = await ask(target.port, 'POST', '/api/v1/jobs', body);
  const id = /"id":"(job_\w+)"/.exec(made)?.[1];
  if (!/^HTTP\/1\.1 201 /.test(made) || id === undefined) return { what: `a good request is answered: ${made}` };
  ids.push(id);
  for (let waited = 0; ; waited += 20) {
    const shown = await ask(target.port, 'GET', `/api/v1/jobs/${id}`);
    if (/"status":"success"/.test(shown)) return undefined;
    if (waited > 10_000) return { what: `a good job does not run: ${shown}` };
    await new Promise((done) => setTimeout(done, 20));
  }
}

function ask(port: number, method: string, path: string, body = ''): Promise<string> {
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n`;
  const type = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return converse(port, Buffer.from(head + type + body), 10_000);
}

async function send(port: number, { kind, bytes }: Input): Promise<string> {
  if (kind === 'http') return converse(port, bytes, quietMs);
  const lines = upgradeHeaders.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const handshake = Buffer.from(`GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n`);
  return converse(port, Buffer.concat([handshake, bytes]), quietMs);
}

/** Writes and reads until the other side ends, or is quiet for so long. */
function converse(port: number, bytes: Buffer, quiet: number): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(bytes));
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      done(text);
    };
    let timer = setTimeout(finish, quiet);
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      clearTimeout(timer);
      timer = setTimeout(finish, quiet);
    });
    socket.on('error', () => undefined);
    socket.on('close', finish);
  });
}
