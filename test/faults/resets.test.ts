/** F23: the client resets its connection at every byte of a POST. The job is there whole or not at all. */
import { connect } from 'node:net';
import t from 'tap';
import { Client, type Job, rawRequest } from '../support/client.js';
import { each } from '../support/faults.js';
import { runCli, startServer } from '../support/server.js';

t.setTimeout(90_000);
const server = await startServer();
const api = new Client(server);
const type = { 'Content-Type': 'application/json' };

/** Sends the first bytes of a request and resets the connection; resolves to whether an answer had come. */
function cut(request: Buffer, length: number, waitMs = 0): Promise<boolean> {
  return new Promise((done) => {
    let answered = false;
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true }, () => {
      const reset = () => socket.resetAndDestroy();
      const sent = () => (waitMs === 0 ? reset() : setTimeout(reset, waitMs));
      if (length === 0) sent();
      else socket.write(request.subarray(0, length), sent);
    });
    socket.on('data', (text) => {
      answered ||= String(text).startsWith('HTTP/1.1 201 ');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done(answered));
  });
}

const payload = (n: number) => ({ n, text: 'é'.repeat(20) });
const bodyOf = (n: number) => JSON.stringify({ name: 'noop', delay: '1h', payload: payload(n) });

function plain(n: number): Buffer {
  const body = bodyOf(n);
  const length = String(Buffer.byteLength(body));
  return Buffer.from(rawRequest('POST', '/api/v1/jobs', { ...type, 'Content-Length': length }, body));
}

function chunked(n: number): Buffer {
  const bytes = Buffer.from(bodyOf(n));
  const half = bytes.length >> 1;
  const chunk = (part: Buffer) =>
    Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
  const head = Buffer.from(rawRequest('POST', '/api/v1/jobs', { ...type, 'Transfer-Encoding': 'chunked' }));
  return Buffer.concat([head, chunk(bytes.subarray(0, half)), chunk(bytes.subarray(half)), Buffer.from('0\r\n\r\n')]);
}

async function all(): Promise<Job[]> {
  const jobs: Job[] = [];
  await each((await api.list('?limit=100')).items, async ({ id }) => void jobs.push(await api.job(id)));
  return jobs;
}

/** Behind the last chunk of a body, which is all there then. */
const ending = '0\r\n\r\n'.length;
const cases: [what: string, make: (n: number) => Buffer, incomplete: number][] = [
  ['plain', plain, plain(0).length],
  ['chunked', chunked, chunked(0).length - ending + 1],
];

for (const [what, make, incomplete] of cases) {
  t.test(`F23: ${what}, cut at every byte before its body is whole`, async (t) => {
    const before = (await api.list()).total;
    await each(
      Array.from({ length: incomplete }, (_, at) => at),
      async (at) => void (await cut(make(0), at)),
    );
    await api.create({ name: 'noop', delay: '1h' });
    t.equal((await api.list()).total, before + 1, `none of ${incomplete} made a job`);
  });
}

t.test('F23: cut in the ending of its last chunk or behind the last byte, at once or a little later', async (t) => {
  const before = new Set((await all()).map(({ id }) => id));
  const tries = 60;
  const answered: number[] = [];
  await each(
    Array.from({ length: tries }, (_, n) => n),
    async (n) => {
      const request = n % 2 === 0 ? plain(n) : chunked(n);
      const cutOff = n % 2 === 0 ? 0 : (n >> 1) % ending;
      if (await cut(request, request.length - cutOff, n % 5)) answered.push(n);
    },
    8,
  );
  await api.create({ name: 'noop', delay: '1h', payload: payload(tries) });
  const made = (await all()).filter(({ id }) => !before.has(id));
  const numbers = made.map((job) => job.payload?.n as number);
  t.equal(new Set(numbers).size, numbers.length, 'none twice');
  for (const job of made) t.same(job.payload, payload(job.payload?.n as number), 'whole');
  t.same(
    answered.filter((n) => !numbers.includes(n)),
    [],
    'what was acknowledged is there',
  );
});

t.test('afterwards it is well, and so is its directory', async (t) => {
  t.equal((await api.get('/health')).status, 200);
  const { total } = await api.list();
  await server.kill();
  await server.restart();
  t.equal((await api.list()).total, total);
  t.equal(await server.stop(), 0);
  const check = await runCli(['check', server.dataDir]);
  t.equal(check.code, 0, check.output);
  t.notMatch(server.output(), /"level":(50|60)/, 'nothing of it is an error in the log');
});
