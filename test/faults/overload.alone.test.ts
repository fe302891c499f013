/**
 * F27: more than the disk takes, and more than memory should hold. Past a bound requests are refused with a time to come
 * back at; what was acknowledged is kept, and memory stays where it is.
 */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { median } from '../../bench/support/bench.js';
import { Client, eventually, type Job, type Problem, rawRequest } from '../support/client.js';
import { heldBytes, needs, onDataFile, residentBytes, trace } from '../support/faults.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);
const mebi = 2 ** 20;

/** The ids of all jobs that the server has. */
async function listed(api: Client): Promise<Set<string>> {
  const ids = new Set<string>();
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page = await api.list(`?limit=100&cursor=${encodeURIComponent(cursor)}`);
    for (const { id } of page.items) ids.add(id);
    cursor = page.next_cursor;
  }
  return ids;
}

t.test('F27: more POSTs than the disk takes', needs('strace'), async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const first = await api.create({ name: 'noop', delay: '1h' });
  const before = residentBytes(server.pid);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(server.pid));
  }, 20);
  const kept: string[] = [];
  const refusals: { code: string; retryAfter: string | undefined }[] = [];
  const slow = await trace(server, onDataFile(server.dataDir, 'fdatasync', 'delay_exit=3000000'));
  let tried = 0;
  /** Lists of large jobs: few connections bring more than may wait. */
  const list = JSON.stringify(
    Array.from({ length: 60 }, () => ({ name: 'noop', delay: '1h', payload: { s: 'x'.repeat(200_000) } })),
  );
  const flood = async () => {
    while (refusals.length < 5 && tried < 100) {
      tried += 1;
      const answer = await api.post<{ items?: Job[] } & Problem>('/jobs/batch', list);
      if (answer.status === 201) kept.push(...(answer.body.items ?? []).map(({ id }) => id));
      else refusals.push({ code: answer.body.code, retryAfter: answer.headers['retry-after'] });
    }
  };
  await Promise.all(Array.from({ length: 8 }, flood));
  t.ok(slow.injected() > 0, 'the disk was slow');
  await slow.stop();
  clearInterval(watch);
  t.ok(refusals.length > 0, 'some were refused');
  for (const { code, retryAfter } of refusals) {
    t.equal(code, 'overloaded');
    t.ok(Number(retryAfter) >= 1, 'Retry-After');
  }
  t.ok(most - before < 700 * mebi, `memory grew by ${Math.round((most - before) / mebi)} MiB`);
  t.equal((await api.get('/health')).status, 200);
  const last = await api.create({ name: 'noop', delay: '1h' });
  t.same(await listed(api), new Set([first.id, last.id, ...kept]), 'what was acknowledged is there, and no other');
  await server.kill();
  await server.restart();
  t.same(await listed(api), new Set([first.id, last.id, ...kept]), 'after a kill too');
  await server.kill();
});

t.test('more jobs than the machine runs: memory stays where it is, and none that was taken is lost', async (t) => {
  const server = await startServer({ args: ['--log-level', 'warn'] });
  const api = new Client(server);
  /** However fast the machine is: of one in a hundred ten a second can run, and at least as many come with a single list. */
  const list = JSON.stringify(
    Array.from({ length: 2000 }, (_, index) => ({
      ...(index % 100 === 0 ? { name: 'limited', payload: { ms: 100 } } : { name: 'noop' }),
      delay: '0s',
    })),
  );
  let taken = 0;
  /** Batches that were refused until there was room again. */
  let refused = 0;
  const round = async () => {
    const { status, headers } = await api.post('/jobs/batch', list);
    if (status === 201) taken += 2000;
    else t.match({ status, retry: headers['retry-after'] }, { status: 503, retry: /^[1-9]/ });
    if (status === 503) refused++;
    return status;
  };
  const held: number[] = [];
  const end = performance.now() + 60_000;
  const watch = setInterval(() => held.push(heldBytes(server.pid) / mebi), 250);
  /** Four lists at a time, as fast as they are taken. */
  const lane = async () => {
    while (performance.now() < end) if ((await round()) === 503) await new Promise((done) => setTimeout(done, 200));
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  clearInterval(watch);
  const { pending, running, completed } = await api.stats();
  const quarter = Math.floor(held.length / 4);
  const [early, late] = [median(held.slice(quarter, 2 * quarter)), median(held.slice(-quarter))];
  const told = `${taken} jobs were taken, ${refused} lists refused; ${early.toFixed(0)} MiB held in the second quarter of a minute, ${late.toFixed(0)} in the last, ${Math.max(...held).toFixed(0)} at most`;
  t.comment(told);
  t.ok(late < 1.25 * early + 50, told);
  t.ok(Math.max(...held) < 600, told);
  t.ok(pending > 0, `${pending} of them still wait`);
  t.equal(pending + running + completed, taken, 'none that was taken is lost');
  await eventually(async () => (await api.stats()).completed > completed, 'they do not run');
  t.equal((await api.stats()).failed, 0);
  await server.kill();
});

t.test('bodies that never come to their end', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const before = residentBytes(server.pid);
  const type = { 'Content-Type': 'application/json' };
  const head = rawRequest('POST', '/api/v1/jobs/batch', { ...type, 'Content-Length': String(16 * mebi) });
  const almost = Buffer.alloc(15 * mebi, ' ');
  const sockets: Socket[] = [];
  t.teardown(() => sockets.map((socket) => socket.destroy()));
  /** Sends all but the end of a body; resolves to what is answered, or to nothing once all is taken in. */
  const begin = () =>
    new Promise<string>((done) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write(head);
        socket.write(almost, () => setTimeout(done, 500, ''));
      });
      sockets.push(socket);
      socket.setEncoding('utf8').on('data', (text: string) => done(text));
      socket.on('error', () => done('closed'));
    });
  const answers = await Promise.all(Array.from({ length: 40 }, begin));
  const refused = answers.filter((text) => text !== '');
  const grown = residentBytes(server.pid) - before;
  t.ok(grown < 480 * mebi, `memory grew by ${Math.round(grown / mebi)} MiB`);
  t.ok(
    refused.some((text) => /^HTTP\/1\.1 503 [\s\S]*Retry-After: \d[\s\S]*"overloaded"/.test(text)),
    refused[0] ?? 'none',
  );
  t.ok(answers.length > refused.length, 'as many as there is room for are taken in');
  t.equal((await api.get('/health')).status, 200);
  t.equal((await api.post('/jobs', { name: 'noop', delay: '1h', payload: { s: 'x'.repeat(1000) } })).status, 201);
  for (const socket of sockets) socket.destroy();
  const whole =
    JSON.stringify(Array.from({ length: 10 }, () => ({ name: 'noop', delay: '1h' }))) + ' '.repeat(15 * mebi);
  await eventually(
    async () => (await api.post('/jobs/batch', whole)).status === 201,
    'there is no room again when they have gone',
  );
  await server.kill();
});
