/** Bodies that list many things: what is in them, and that one is not written over while it is still on its way. */
import { connect } from 'node:net';
import t from 'tap';
import { ListBody } from '../../src/server/list-body.js';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';

const quoted = (text: string): string => JSON.stringify(text);

t.test('none, one and many items, in any script', async (t) => {
  const body = new ListBody();
  const write = (items: readonly string[]): string => body.write('{"a":[', items, quoted, ']}').toString();
  for (const items of [[], ['x'], ['x', '', 'y'], ['ü', '中文', '😀', '\u2028', 'é'.repeat(100_000)]]) {
    t.same(JSON.parse(write(items)), { a: items });
  }
  t.equal(write(['a', 'b']), '{"a":["a","b"]}', 'nothing is left of a longer one');
});

t.test('long ones grow, and very long ones are not kept', async (t) => {
  const body = new ListBody();
  const items = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n} ${'x'.repeat(1000)}`);
  const bytesOf = (count: number): Buffer => body.write('[', items(count), quoted, ']');
  for (const count of [10, 1000, 20_000, 10]) t.same(JSON.parse(bytesOf(count).toString()), items(count));
  t.equal(bytesOf(1).buffer, bytesOf(1000).buffer, 'one memory for all');
  t.not(bytesOf(20_000).buffer, bytesOf(1).buffer);
  t.ok(bytesOf(1).buffer.byteLength <= 4 * 1024 * 1024);
});

t.test('what throws while it is written leaves the next one whole', async (t) => {
  const body = new ListBody();
  const breaks = (): string => {
    throw new Error('damaged');
  };
  t.throws(() => body.write('[', ['x'], breaks, ']'), { message: 'damaged' });
  t.equal(body.write('[', ['x'], quoted, ']').toString(), '["x"]');
});

t.test('an answer that its client takes slowly is not written over by the next', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const made = await api.post(
    '/jobs/batch',
    Array.from({ length: 10_000 }, (_, n) => ({ name: 'echo', delay: '1h', payload: { n } })),
  );
  t.equal(made.status, 201);
  const slow = Array.from({ length: 20 }, () => connect({ host: '127.0.0.1', port: server.port }));
  for (const socket of slow) {
    socket.pause();
    socket.write('GET /api/v1/jobs?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(8));
  }
  await new Promise((done) => setTimeout(done, 300));
  for (let n = 0; n < 50; n++) t.equal((await api.get('/jobs?limit=3&status=failed')).status, 200);
  const pages = await Promise.all(slow.map((socket) => firstBodies(socket, 8)));
  for (const socket of slow) socket.destroy();
  const [first] = pages.flat();
  t.match(JSON.parse(first as string), { total: 10_000 });
  t.ok(
    pages.flat().every((body) => withoutTimes(body) === withoutTimes(first as string)),
    'all of them the same page',
  );
  await server.stop();
});

/** `next_run_in` goes down from one answer to the next. */
const withoutTimes = (body: string): string => body.replace(/"next_run_in":"[^"]*"/g, '');

/** Reads so many answers, as text. */
function firstBodies(socket: ReturnType<typeof connect>, count: number): Promise<string[]> {
  let bytes = Buffer.alloc(0);
  const bodies: string[] = [];
  const parts: Buffer[] = [];
  return new Promise((done, failed) => {
    socket.on('error', failed).on('data', (chunk) => {
      parts.push(chunk);
      if (parts.length < 100 && !chunk.subarray(-4).includes('}')) return;
      bytes = Buffer.concat([bytes, ...parts.splice(0)]);
      for (;;) {
        const head = bytes.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, Math.max(0, head)))?.[1]);
        if (head < 0 || bytes.length < head + 4 + length) break;
        bodies.push(bytes.toString('utf8', head + 4, head + 4 + length));
        bytes = bytes.subarray(head + 4 + length);
      }
      if (bodies.length === count) done(bodies);
    });
    socket.resume();
  });
}
