/** F42: requests as dear as the limits allow do not hold up the event loop: others are answered meanwhile. */
import t from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);
const server = await startServer({ args: ['--log-level', 'error'] });
const api = new Client(server);
const rounds = 3;
/** Each of these took one to one and a half seconds when it was read in one go; now it is some 30 ms. */
const enoughMs = 400;

/** The longest that anybody waited for `/health/live` while this was asked. */
async function longestWait(ask: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  const asked = ask().finally(() => {
    isOver = true;
  });
  let longest = 0;
  do {
    const from = performance.now();
    await api.get('/health/live');
    longest = Math.max(longest, performance.now() - from);
  } while (!isOver);
  await asked;
  return longest;
}

const dear: [what: string, body: string][] = [
  ['16 MiB of brackets', '['.repeat(16_000_000)],
  ['16 MiB of empty arrays', `[${'[],'.repeat(5_000_000)}[]]`],
];

for (const [what, body] of dear) {
  t.test(`F42: ${what} as a batch`, async (t) => {
    const waits: number[] = [];
    for (let round = 0; round < rounds; round++)
      waits.push(await longestWait(async () => t.equal((await api.post('/jobs/batch', body)).status, 400)));
    // What the machine does besides comes and goes; what the request does comes each time.
    t.ok(Math.min(...waits) < enoughMs, `others waited ${waits.map(Math.round).join(', ')} ms`);
  });
}

t.test('F42: a batch of 16 MiB is made, and others are answered meanwhile', async (t) => {
  const job = { name: 'noop', delay: '100h', payload: { a: 'é'.repeat(700) } };
  const jobs = Array.from({ length: 10_000 }, (_, n) => ({ ...job, payload: { n, ...job.payload } }));
  const lines = jobs.map((one) => JSON.stringify(one)).join('\n');
  for (const [body, type] of [
    [JSON.stringify(jobs), 'application/json'],
    [lines, 'application/x-ndjson'],
  ] as const) {
    const before = (await api.list('?limit=1')).total;
    const { status, body: made } = await api.post<{ total: number; items: Job[] }>('/jobs/batch', body, {
      'content-type': type,
    });
    t.equal(status, 201, type);
    t.same([made.total, made.items.length], [10_000, 10_000]);
    t.equal((await api.list('?limit=1')).total, before + 10_000);
    t.match((await api.job(made.items[9_999]!.id)).payload, { n: 9_999 }, 'in order');
  }
});

t.test('F42: a client that goes away while its batch is read makes nothing', async (t) => {
  const before = (await api.list('?limit=1')).total;
  const jobs = Array.from({ length: 10_000 }, () => ({
    name: 'noop',
    delay: '100h',
    payload: { a: 'x'.repeat(1000) },
  }));
  const abort = new AbortController();
  const asked = fetch(`${server.api}/jobs/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(jobs),
    signal: abort.signal,
  }).catch(() => undefined);
  await api.get('/health/live');
  abort.abort();
  await asked;
  const after = (await api.list('?limit=1')).total;
  t.ok([before, before + 10_000].includes(after), 'all or none');
  t.equal((await api.get('/health')).status, 200);
  await server.stop();
});
