/**
 * F1: kill -9 while jobs stream in, again and again on one directory. What clients were told, what subscribers heard and what
 * handlers did is recorded outside of the server, and held against what is there after the last kill: see test/cluster/checker.
 */
import t from 'tap';
import { report } from '../cluster/checker/check.js';
import { Recorder } from '../cluster/checker/recorder.js';
import { Client, eventually } from '../support/client.js';
import { each } from '../support/faults.js';
import { startServer } from '../support/server.js';

t.setTimeout(600_000);

const rounds = 50;
const clients = 12;

const kinds = ['runs', 'waits', 'cancelled', 'updated', 'retried', 'parent', 'keyed', 'asked twice', 'batch'] as const;

const recorder = new Recorder();
const server = await startServer();
const api = new Client(server);
/** Jobs of which more is checked than that they are there, and those whose update was acknowledged. */
const uncharged = new Set<string>();
const waiting = new Set<string>();
const updated = new Set<string>();
let acknowledged = 0;
let n = 0;

/** Asks for one thing after the other, until the server is gone. */
async function stream(): Promise<void> {
  for (;;) {
    const mine = n++;
    const status = await ask(kinds[mine % kinds.length]!, mine);
    if (status === undefined) return;
    // The key may be taken.
    if (status !== 201 && status !== 409) throw new Error(`wrong answer ${status}`);
    acknowledged++;
  }
}

async function ask(kind: (typeof kinds)[number], mine: number): Promise<number | undefined> {
  const later = { delay: '1h' };
  switch (kind) {
    case 'runs': {
      const made = await recorder.create(api, recorder.job({}, { delay: '5ms', max_retries: 1 }));
      if (made?.status === 201) uncharged.add(made.body.id);
      return made?.status;
    }
    case 'waits': {
      const made = await recorder.create(api, recorder.job({}, later));
      if (made?.status === 201) waiting.add(made.body.id);
      return made?.status;
    }
    case 'cancelled': {
      const made = await recorder.create(api, recorder.job({}, later));
      if (made?.status === 201) await recorder.cancel(api, made.body.id);
      return made?.status;
    }
    case 'updated': {
      const made = await recorder.create(api, recorder.job({}, later));
      const changed = made?.status === 201 && (await recorder.change(api, made.body.id, { max_retries: 7 }));
      if (made && changed && changed.status === 200) updated.add(made.body.id);
      return made?.status;
    }
    case 'retried':
      return (await recorder.create(api, recorder.job({ fails: 1 }, { retry_delay: '30ms' })))?.status;
    case 'parent':
      return (await recorder.create(api, recorder.job({ children: 2, ms: mine % 20 })))?.status;
    case 'keyed':
      return (await recorder.create(api, recorder.job({}, { key: `key-${mine % 5}` })))?.status;
    case 'asked twice': {
      const job = recorder.job({});
      await Promise.all([1, 2].map(() => recorder.create(api, job, `key-${mine}`)));
      return (await recorder.create(api, job, `key-${mine}`))?.status;
    }
    case 'batch':
      return (await recorder.batch(api, [recorder.job({}), recorder.job({}, later), recorder.job({})]))?.status;
    default:
      return kind satisfies never;
  }
}

t.test(`F1: ${rounds} kills`, async (t) => {
  await recorder.watch(server);
  for (let round = 1; round <= rounds; round++) {
    const before = acknowledged;
    const streams = Promise.all(Array.from({ length: clients }, stream));
    // Varied, so that the kill meets the server in different states; the test rests on none of them.
    await new Promise((done) => setTimeout(done, 20 + ((round * 137) % 300)));
    await eventually(() => acknowledged > before, 'nothing was acknowledged', 20_000);
    recorder.fault(server, 'killed');
    t.match(await server.kill('SIGKILL'), { signal: 'SIGKILL' });
    await streams;
    await server.restart();
  }
  await recorder.lastLook(api);
  const verdict = recorder.verdict();
  t.same(verdict.violations, [], report(verdict));

  const wrong: string[] = [];
  const look = (ids: ReadonlySet<string>, what: (job: Awaited<ReturnType<Client['job']>>) => string | undefined) =>
    each(ids, async (id) => {
      const found = what(await api.job(id));
      if (found !== undefined) wrong.push(`${id}: ${found}`);
    });
  await look(uncharged, ({ retry_count: charged }) => (charged === 0 ? undefined : 'charged'));
  await look(waiting, ({ status }) => (status === 'pending' ? undefined : status));
  await look(updated, ({ max_retries: retries }) => (retries === 7 ? undefined : 'its update'));
  t.same(wrong, [], `${uncharged.size} ran, ${waiting.size} wait, ${updated.size} were updated`);
  t.ok(verdict.counts.unknown > 0 && verdict.counts.attempts > rounds, 'it was worth checking');
});
