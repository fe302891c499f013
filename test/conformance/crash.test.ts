/** kill -9 in the middle of a stream of requests: nothing that was acknowledged is lost. */
import t from 'tap';
import { Client, eventually, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';
import { at } from './forms.js';

t.setTimeout(120_000);
const rounds = 6;
const clients = 16;

const server = await startServer();
const api = new Client(server);
/** What the server has acknowledged, over all rounds: the state that each job must at least have. */
const acknowledged = new Map<
  string,
  { payload: unknown; cancelled: boolean; max_retries: number; runs: boolean; paused: boolean }
>();
/** Jobs that were asked to be removed, and whether that was acknowledged. */
const removing = new Map<string, boolean>();
let posted = 0;

/** Posts, updates, cancels, pauses and removes until the server dies. */
async function stream(): Promise<void> {
  for (;;) {
    const n = posted++;
    const runs = n % 4 === 0;
    try {
      const { status, body, text } = await api.post<Job>('/jobs', {
        name: 'noop',
        delay: runs ? '5ms' : '1h',
        payload: { n },
        max_retries: 1,
      });
      if (status !== 201) throw new Error(`unexpected ${status}: ${text}`);
      const entry = { payload: { n }, cancelled: false, max_retries: 1, runs, paused: false };
      acknowledged.set(body.id, entry);
      if (n % 4 === 1 && (await api.delete(`/jobs/${body.id}`)).status === 200) entry.cancelled = true;
      if (n % 8 === 5) {
        acknowledged.delete(body.id);
        removing.set(body.id, false);
        if ((await api.post(`/jobs/${body.id}/remove`)).status === 200) removing.set(body.id, true);
      }
      if (n % 4 === 3 && (await api.post(`/jobs/${body.id}/pause`)).status === 200) entry.paused = true;
      if (n % 4 === 2 && (await api.put(`/jobs/${body.id}`, { max_retries: 2 })).status === 200) entry.max_retries = 2;
    } catch (error) {
      if (String(error).includes('unexpected')) throw error;
      return;
    }
  }
}

let lastSeq = 0;
for (let round = 1; round <= rounds; round++) {
  t.test(`round ${round}`, onlyOne('one number for all events'), async (t) => {
    const first = lastSeq + 1;
    const feed = await Subscriber.connect(server);
    await feed.ask({ action: 'subscribe', since: lastSeq }, 'subscribed');
    const before = acknowledged.size;
    const streams = Promise.all(Array.from({ length: clients }, stream));
    await eventually(() => acknowledged.size >= before + 40 * round, 'nothing is acknowledged', 60_000);
    await server.kill('SIGKILL');
    await streams;
    t.ok(acknowledged.size > before, `${acknowledged.size - before} acknowledged`);

    const told = feed.events();
    const seqs = told.map(({ seq }) => seq);
    t.same(
      seqs,
      seqs.map((_, i) => first + i),
      'it heard what it had missed and what came, without gap or double',
    );
    const cancelledByEvent = new Set(told.filter(({ type }) => type === 'job.cancelled').map((event) => event.job_id));
    const completedByEvent = new Set(told.filter(({ type }) => type === 'job.completed').map((event) => event.job_id));
    const scheduledByEvent = new Set(told.map((event) => event.job_id));
    lastSeq = Math.max(lastSeq, ...seqs);

    await server.restart();
    const after = await Subscriber.connect(server);
    const { seq } = await after.ask({ action: 'subscribe', since: first - 1 }, 'subscribed');
    t.ok(seq! >= lastSeq, 'no number is given twice');
    await after.waitFor((message) => message.type !== 'subscribed' && message.seq! >= lastSeq, 'what was told before');
    t.strictSame(
      after.events().slice(0, told.length),
      told,
      'what was told before the kill is told again, word for word',
    );
    await after.close();

    const lost: string[] = [];
    // The last round looks at all of them: what was there after one crash must be there after the next.
    const ids = [...acknowledged.keys()].slice(round < rounds ? before : 0);
    for (let i = 0; i < ids.length; i += 64) {
      await Promise.all(
        ids.slice(i, i + 64).map(async (id) => {
          const { status, body } = await api.get<Job>(`/jobs/${id}`);
          const wanted = acknowledged.get(id)!;
          if (status !== 200) return void lost.push(`${id}: ${status}`);
          if (JSON.stringify(body.payload) !== JSON.stringify(wanted.payload)) lost.push(`${id}: payload`);
          if (body.max_retries < wanted.max_retries) lost.push(`${id}: its update`);
          if ((wanted.cancelled || cancelledByEvent.has(id)) && body.status !== 'cancelled')
            lost.push(`${id}: its cancellation`);
          if (wanted.paused && !('paused' in body)) lost.push(`${id}: its pause`);
          if (completedByEvent.has(id) && body.status !== 'success') lost.push(`${id}: its completion`);
        }),
      );
    }
    for (const [id, isRemoved] of removing)
      if (isRemoved && (await api.get(`/jobs/${id}`)).status !== 404) lost.push(`${id}: its removal`);
    for (const id of scheduledByEvent)
      if (!removing.has(id) && (await api.get(`/jobs/${id}`)).status !== 200) lost.push(`${id}: told of, and gone`);
    t.same(lost, []);
    const { total } = await api.list('?limit=1');
    t.ok(
      total >= acknowledged.size && total <= posted,
      `${total} jobs, ${acknowledged.size} acknowledged, ${posted} posted`,
    );
  });
}

t.test('in the end every job that was due has run, once or more and never early', onlyOne('rounds'), async (t) => {
  const due = [...acknowledged].filter(([, { runs }]) => runs).map(([id]) => id);
  const wrong: string[] = [];
  for (const id of due) {
    const job = await api.until(id, 'success');
    if (at(job.started_at) < at(job.trigger_at)) wrong.push(`${id} early`);
    if (job.retry_count !== 0) wrong.push(`${id} charged`);
  }
  t.same(wrong, []);
  t.ok(due.length > rounds);
  await eventually(async () => (await api.list('?limit=1&status=running')).total === 0, 'never at rest');
  const [stats, ...totals] = await Promise.all([
    api.stats(),
    ...['pending', 'running', 'success', 'failed', 'cancelled'].map((status) => api.list(`?limit=1&status=${status}`)),
  ]);
  const [pending, running, success, failed, cancelled] = totals.map(({ total }) => total);
  const gone = await Promise.all([...removing.keys()].map(async (id) => (await api.get(`/jobs/${id}`)).status === 404));
  // What is removed has been cancelled for all that.
  const everCancelled = Number(cancelled) + gone.filter(Boolean).length;
  const expected = { pending, running, completed: success, failed, cancelled: everCancelled };
  t.match(stats, expected, 'counters and lists agree');
  await server.kill();
});
