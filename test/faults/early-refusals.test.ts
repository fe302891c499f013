/**
 * F40: clients that are still sending when they are refused, and clients that shut their sending side: the answer
 * arrives. A server that closes a connection with something unread resets it, and the client's system throws away what it
 * had received (RFC 9112, section 9.6).
 */
import { execFile, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import t from 'tap';
import { raw, rawRequest } from '../support/client.js';
import { without } from '../support/faults.js';
import { startServer } from '../support/server.js';

t.setTimeout(280_000);
const run = promisify(execFile);
const server = await startServer({ args: ['--token', 'secret', '--log-level', 'error'] });
const megabytes = [1.1, 3, 20];
const rounds = 3;

/** What is refused before its body has been read, and how. */
const refusals: [status: number, path: string, headers: Record<string, string>][] = [
  [413, '/api/v1/jobs', { Authorization: 'Bearer secret', 'Content-Type': 'application/json' }],
  [415, '/api/v1/jobs', { Authorization: 'Bearer secret', 'Content-Type': 'text/plain' }],
  [401, '/api/v1/jobs', { 'Content-Type': 'application/json' }],
  [404, '/api/v1/nowhere', { Authorization: 'Bearer secret', 'Content-Type': 'application/json' }],
  [405, '/api/v1/stats', { Authorization: 'Bearer secret', 'Content-Type': 'application/json' }],
];

/** The status that a client of this kind sees for a body of so many bytes; it fails where it sees none. */
type Ask = (path: string, headers: Record<string, string>, bytes: number) => Promise<number>;

const fetching: Ask = async (path, headers, bytes) => {
  const answer = await fetch(server.url + path, { method: 'POST', headers, body: 'x'.repeat(bytes) });
  await answer.text();
  return answer.status;
};

/** A body whose length is not told. */
const fetchingChunks: Ask = async (path, headers, bytes) => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  let left = bytes;
  const body = new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(piece.subarray(0, left));
      left -= piece.length;
    },
  });
  const options = { method: 'POST', headers, body, duplex: 'half' };
  const answer = await fetch(server.url + path, options as RequestInit);
  await answer.text();
  return answer.status;
};

const curling: Ask = async (path, headers, bytes) => {
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  // Without Expect it sends at once.
  const options = ['-sS', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect:', ...lines];
  const sent = `head -c ${bytes} /dev/zero | curl ${[...options, '--data-binary', '@-', server.url + path]
    .map((word) => `'${word}'`)
    .join(' ')}`;
  return Number((await run('sh', ['-c', sent])).stdout);
};

const python = `
import http.client, sys, json
port, path, headers, size = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
connection.request('POST', path, b'x' * size, headers)
answer = connection.getresponse()
answer.read()
print(answer.status)
`;
const pythonAsking: Ask = async (path, headers, bytes) =>
  Number(
    (await run('python3', ['-c', python, String(server.port), path, JSON.stringify(headers), String(bytes)])).stdout,
  );

const clients: [name: string, ask: Ask, program?: string][] = [
  ['fetch', fetching],
  ['fetch in chunks', fetchingChunks],
  ['curl', curling, 'curl'],
  ['python', pythonAsking, 'python3'],
];

for (const [name, ask, program] of clients) {
  const isThere = program === undefined || spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
  const options = isThere ? {} : without(`${program} is not there`);
  t.test(`F40: ${name} gets its refusal while it is sending`, options, async (t) => {
    for (const size of megabytes) {
      for (const [status, path, headers] of refusals) {
        const seen: (number | string)[] = [];
        for (let round = 0; round < rounds; round++) {
          seen.push(
            await ask(path, headers, Math.round(size * 1e6)).catch((error: Error) => String(error.cause ?? error)),
          );
        }
        t.same(seen, Array(rounds).fill(status), `${size} MB to ${path}: ${status}`);
      }
    }
  });
}

t.test('F40: a client that shuts its sending side gets the answer that is ready at once', async (t) => {
  const authorization = { Authorization: 'Bearer secret' };
  const type = { 'Content-Type': 'application/json' };
  t.match(await halfClosed(rawRequest('GET', '/api/v1/stats', authorization)), /^HTTP\/1\.1 200 /);
  t.match(await halfClosed(rawRequest('GET', '/api/v1/nowhere', authorization)), /^HTTP\/1\.1 404 /);
  const large = 'x'.repeat(3_000_000);
  const refused = rawRequest('POST', '/api/v1/jobs', { ...authorization, ...type, 'Content-Length': '3000000' }, large);
  t.match(await halfClosed(refused), /^HTTP\/1\.1 413 /);
});

t.test('F40: the rest of a refused body is read for a bounded time, and nothing behind it is served', async (t) => {
  const head = { Authorization: 'Bearer secret', 'Content-Type': 'application/json', 'Content-Length': '1000000000' };
  const { text, statuses, closed } = await raw(server, rawRequest('POST', '/api/v1/jobs', head), { ms: 20_000 });
  t.same([statuses, closed], [[413], true]);
  t.match(text, /\r\nConnection: close\r\n/);
  const [, body = ''] = text.split('\r\n\r\n');
  t.equal(Number(/Content-Length: (\d+)/.exec(text)?.[1]), body.length, 'the body is as long as it says');
  t.match(JSON.parse(body), { code: 'payload_too_large' });
});

/** All that comes back for a request behind which the client shuts its sending side. */
function halfClosed(request: string): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done(text));
    socket.setTimeout(20_000, () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.end(request);
  });
}
