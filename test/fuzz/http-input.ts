/** HTTP requests that are as they should be, and what can be done to them. The same seed makes the same bytes. */
import type { Random } from '../simulation/random.js';
import { mutateBytes, mutateJson, odd } from './mutations.js';

interface Plain {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body?: string;
}

const json: [string, string] = ['Content-Type', 'application/json'];
const api = '/api/v1';

const bodies: readonly Record<string, unknown>[] = [
  { name: 'noop', delay: '1h' },
  { name: 'noop', delay: '0s', payload: { a: [1, 'two', null, { b: true }] }, max_retries: 1, retry_delay: '10ms' },
  { name: 'echo', trigger_at: '2040-02-29T12:00:00+08:00', timeout: '5s', backoff: 'fixed' },
  { name: 'fail', delay: '1ms', payload: { message: 'no' }, max_retries: 0 },
  { name: 'noop', cron_expr: '0 30 9 * * MON-FRI', timezone: 'Europe/Berlin', is_repeat: true, misfire: 'skip' },
  { name: 'noop', delay: '1h30m', is_repeat: true, misfire: 'run_once' },
];
const changes: readonly Record<string, unknown>[] = [
  { delay: '2h' },
  { payload: { changed: true }, max_retries: 5, timeout: '1m' },
  { cron_expr: '*/5 * * * *', timezone: 'Asia/Kolkata' },
];
const queries = ['', '?limit=5', '?status=pending&name=noop&limit=10&offset=3', '?cursor=', '?status=failed'];
const reads = ['/health', '/health/live', '/stats', '/job-types', '/nowhere'];

/** @param ids of jobs that there are */
function plain(random: Random, ids: readonly string[]): Plain {
  const id = ids.length > 0 && random.chance(0.9) ? random.pick(ids) : 'job_1704182400_a1b2c3d4';
  const kind = random.weighted({ create: 8, batch: 2, lines: 1, update: 4, command: 3, list: 3, read: 2, upgrade: 1 });
  switch (kind) {
    case 'create': {
      const key: [string, string][] = random.chance(0.3) ? [['Idempotency-Key', `key-${random.between(1, 9)}`]] : [];
      return { ...post(`${api}/jobs`, mutatedJson(random, random.pick(bodies))), headers: [json, ...key] };
    }
    case 'batch': {
      const list = Array.from({ length: random.between(1, 5) }, () => random.pick(bodies));
      return post(`${api}/jobs/batch`, mutatedJson(random, list));
    }
    case 'lines': {
      const lines = Array.from({ length: random.between(1, 5) }, () => mutatedJson(random, random.pick(bodies)));
      return {
        ...post(`${api}/jobs/batch`, lines.join('\n')),
        headers: [['Content-Type', 'application/x-ndjson']],
      };
    }
    case 'update':
      return { ...post(`${api}/jobs/${id}`, mutatedJson(random, random.pick(changes))), method: 'PUT' };
    case 'command': {
      const [method, suffix] = random.pick([
        ['DELETE', ''],
        ['POST', '/cancel'],
        ['POST', '/retry'],
        ['GET', ''],
      ] as const);
      return { method, target: `${api}/jobs/${id}${suffix}`, headers: [] };
    }
    case 'list':
      return { method: random.pick(['GET', 'HEAD']), target: `${api}/jobs${random.pick(queries)}`, headers: [] };
    case 'read':
      return { method: 'GET', target: `${api}${random.pick(reads)}`, headers: [] };
    case 'upgrade':
      return { method: 'GET', target: '/ws', headers: upgradeHeaders };
  }
}

export const upgradeHeaders: [string, string][] = [
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
];

function post(target: string, body: string): Plain {
  return { method: 'POST', target, headers: [json], body };
}

function mutatedJson(random: Random, value: unknown): string {
  return random.chance(0.6) ? mutateJson(random, value) : JSON.stringify(value);
}

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  '',
  'X'.repeat(300),
];
const headerNames = [
  ...['Host', 'Content-Length', 'Transfer-Encoding', 'Content-Type', 'Content-Encoding', 'Origin', 'Authorization'],
  ...[
    'Idempotency-Key',
    'Connection',
    'Expect',
    'Upgrade',
    'Cookie',
    'Range',
    'Access-Control-Request-Method',
    'X-Y',
    '',
  ],
];
const headerValues = [
  ...[
    '',
    '0',
    '-1',
    '5',
    '1e3',
    '99999999999999999999',
    'chunked',
    'gzip',
    'identity',
    'close',
    'keep-alive',
    'upgrade',
  ],
  ...['application/json', 'text/plain', '100-continue', 'null', 'http://evil.example', 'evil.example', '127.0.0.1'],
  ...['a\0b', 'a\tb', '\xff\xfe', 'é', 'x'.repeat(5000), 'bytes=0-', 'Bearer x', '[::1]:1', '%00'],
];

function disturb(request: Plain, random: Random): void {
  const header = (): [string, string] => [random.pick(headerNames), random.pick(headerValues)];
  const at = random.between(0, Math.max(0, request.headers.length - 1));
  switch (random.weighted({ method: 2, target: 4, add: 4, drop: 1, twice: 2, value: 2, many: 1 })) {
    case 'method':
      request.method = random.pick(methods);
      break;
    case 'target':
      request.target = mutateBytes(random, Buffer.from(request.target)).toString('latin1');
      if (random.chance(0.3))
        request.target += random.pick(['/', '?', '%00', '%zz', '/..', '#', '?limit=', odd(random)]);
      break;
    case 'add':
      request.headers = [...request.headers, header()];
      break;
    case 'drop':
      request.headers = request.headers.filter((_, index) => index !== at);
      break;
    case 'twice':
      request.headers = [...request.headers, ...request.headers];
      break;
    case 'value':
      request.headers = request.headers.map(([name, value], index) => [name, index === at ? header()[1] : value]);
      break;
    case 'many':
      request.headers = [...request.headers, ...Array.from({ length: random.between(10, 150) }, header)];
      break;
  }
}

/** The request as bytes, its body framed in one of the ways there are, right or wrong. */
function framed(request: Plain, random: Random): Buffer {
  const { method, target, headers, body } = request;
  const bytes = Buffer.from(body ?? '');
  const framing: [string, string][] = [];
  let behind: Buffer = bytes;
  switch (body === undefined ? 'none' : random.weighted({ length: 10, chunked: 4, wrong: 1, both: 1, none: 1 })) {
    case 'length':
      framing.push(['Content-Length', String(bytes.length)]);
      break;
    case 'chunked':
      framing.push(['Transfer-Encoding', 'chunked']);
      behind = chunks(bytes, random);
      break;
    case 'wrong':
      framing.push(['Content-Length', String(Math.max(0, bytes.length + random.between(-5, 5)))]);
      break;
    case 'both':
      framing.push(['Content-Length', String(bytes.length)], ['Transfer-Encoding', 'chunked']);
      behind = chunks(bytes, random);
      break;
    case 'none':
      break;
  }
  const lines = [['Host', '127.0.0.1'], ...headers, ...framing].map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), behind]);
}

function chunks(bytes: Buffer, random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + random.between(1, 64));
    at += part.length;
    const size = random.chance(0.02)
      ? random.pick(['', 'g', '-1', '0', 'ffffffffffffffffff'])
      : part.length.toString(16);
    const extension = random.chance(0.05) ? `;${odd(random)}` : '';
    parts.push(Buffer.from(`${size}${extension}\r\n`), part, Buffer.from('\r\n'));
  }
  const trailer = random.chance(0.05) ? 'X-Trailer: 1\r\n' : '';
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

/** One input: a request with some things wrong with it, or a few of them one behind the other. */
export function httpInput(random: Random, ids: readonly string[]): Buffer {
  const one = (): Buffer => {
    const request = plain(random, ids);
    while (random.chance(0.4)) disturb(request, random);
    let bytes = framed(request, random);
    while (random.chance(0.25)) bytes = mutateBytes(random, bytes);
    return bytes;
  };
  const count = random.chance(0.1) ? random.between(2, 5) : 1;
  return Buffer.concat(Array.from({ length: count }, one));
}
