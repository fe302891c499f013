/** Bodies that list many things: what is in them, and that one is not written over while it is still on its way. */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { ListBody } from '../../../src/server/bodies/list-body.js';
import { Client, eventually } from '../../support/client.js';
import { startServer } from '../../support/server.js';

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
  const minutes = Array.from({ length: 60 }, (_, minute) => minute).join(',');
  const job = {
    name: 'echo',
    cron_expr: `0 ${minutes} * * * *`,
    timezone: 'America/Argentina/ComodRivadavia',
    is_repeat: true,
  };
  const jobs = JSON.stringify(Array.from({ length: 10_000 }, () => job));
  const head = `Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${jobs.length}`;
  const slow = [1, 2, 3].map(() => connect({ host: '127.0.0.1', port: server.port }));
  for (const socket of slow) socket.pause().write(`POST /api/v1/jobs/batch HTTP/1.1\r\n${head}\r\n\r\n${jobs}`);
  const all = slow.length * 10_000;
  const total = async (): Promise<number> => ((await api.get('/jobs?limit=100')).body as { total: number }).total;
  await eventually(async () => (await total()) === all, 'all are made', 60_000);
  for (let n = 0; n < 20; n++) t.equal(await total(), all);

  // Each is more than the 4 MB that Linux holds for a connection that nobody reads.
  const bodies = await Promise.all(slow.map(readBody));
  t.ok(bodies.every((body) => body.length > 5_000_000));
  const ids = bodies.flatMap((body) => (JSON.parse(body) as { items: { id: string }[] }).items.map(({ id }) => id));
  t.equal(new Set(ids).size, all, 'every job is told of, once');
  for (const socket of slow) socket.destroy();
  await server.stop();
});

/** The body of the answer that a connection waits for. */
function readBody(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  let missing = Number.NaN;
  return new Promise((done, failed) => {
    socket.on('error', failed).on('data', (chunk) => {
      parts.push(chunk);
      if (Number.isNaN(missing)) {
        const bytes = Buffer.concat(parts.splice(0));
        parts.push(bytes);
        const begin = bytes.indexOf('\r\n\r\n') + 4;
        if (begin < 4) return;
        missing = begin + Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, begin))?.[1]) - bytes.length;
      } else missing -= chunk.length;
      if (missing > 0) return;
      const whole = Buffer.concat(parts);
      done(whole.toString('utf8', whole.indexOf('\r\n\r\n') + 4));
    });
    socket.resume();
  });
}
