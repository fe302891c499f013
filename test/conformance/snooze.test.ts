/** `throw ctx.snooze(…)`: the same attempt, later. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({
  args: ['--threads', '1'],
  handlers: {
    waits: `let begun = 0
      export default async ({ times, wait }, ctx) => {
        if (begun++ < times) throw ctx.snooze(wait)
        return { attempt: ctx.attempt } }`,
    always: `export default (payload, ctx) => { throw ctx.snooze('1h') }`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);

t.test('a snoozed attempt comes again as the same attempt, and uses no retry', async (t) => {
  const { id } = await api.create({
    name: 'waits',
    delay: '0s',
    max_retries: 0,
    payload: { times: 2, wait: '20ms' },
  });
  await feed.event(id, 'job.completed');
  const events = feed.events(id);
  t.same(
    events.map(({ type }) => type.replace('job.', '')),
    ['scheduled', 'started', 'retrying', 'started', 'retrying', 'started', 'completed'],
  );
  for (const [i, event] of events.entries()) {
    if (event.type !== 'job.retrying') continue;
    t.match(event, { status: 0, metadata: { retry_count: 0, snoozed: true } });
    const next = at(String(event.metadata.next_retry_at));
    t.ok(next - at(events[i]!.timestamp) >= 20, 'it waits as long as it asked');
    t.ok(at(events[i + 1]!.timestamp) >= next, 'and does not start early');
  }
  t.match(await api.job(id), { status: 'success', retry_count: 0, result: { attempt: 1 } });
});

t.test('while it waits it is pending, and can be run now or cancelled', async (t) => {
  const { id } = await api.create({ name: 'always', delay: '0s', payload: {} });
  await feed.event(id, 'job.retrying');
  t.match(await api.job(id), { status: 'pending', retry_count: 0, last_error: undefined });
  t.equal((await api.post(`/jobs/${id}/run`)).status, 200);
  await feed.event(id, 'job.retrying', 2);
  t.equal((await api.delete(`/jobs/${id}`)).status, 200);
  t.match(await api.job(id), { status: 'cancelled' });
});

t.test('a repeating job passes over the occurrence for the next', async (t) => {
  const { id } = await api.create({ name: 'always', delay: '50ms', is_repeat: true, payload: {} });
  await feed.event(id, 'job.started', 2);
  const job = await api.job(id);
  t.ok(Number(job.skipped_count) >= 1, 'it is skipped');
  t.notOk('last_outcome' in job, 'and has no outcome');
  t.notOk(feed.types(id).includes('job.retrying'), 'no attempt comes again');
  await api.delete(`/jobs/${id}`);
});
