/** `ctx.progress`: in answers, on disk, and for those who ask for `job.progress`. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { StreamReader } from '../support/sse.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(60_000);
const server = await startServer({
  args: ['--threads', '1', '--grace', '100ms'],
  handlers: {
    steps: `import { existsSync } from 'node:fs'
      export default async ({ file, values }, { progress, signal }) => {
        for (const value of values) progress(value)
        while (file && !existsSync(file) && !signal.aborted) await new Promise(done => setTimeout(done, 20))
        return 'done' }`,
    talks: `export default async ({ ms }, { progress }) => {
      const end = Date.now() + ms
      for (let i = 0; Date.now() < end; i++) { progress({ i }); if (i % 1000 === 0) await new Promise(setImmediate) } }`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);

t.test('answers show what was said last, while it runs and afterwards', async (t) => {
  const waiting = await api.create({
    name: 'steps',
    delay: '0s',
    payload: { file: '/nowhere/at/all', values: [10, 40] },
  });
  await api.until(waiting.id, ({ progress }) => progress === 40);
  const { items } = await api.list('?name=steps');
  t.match(items, [{ id: waiting.id, status: 'running', progress: 40 }]);
  await api.delete(`/jobs/${waiting.id}`);
  const done = await api.create({ name: 'steps', delay: '0s', payload: { values: [{ step: 'upload', of: 3 }] } });
  t.match(await api.until(done.id, 'success'), { progress: { step: 'upload', of: 3 }, result: 'done' });
  const silent = await api.create({ name: 'steps', delay: '0s', payload: { values: [] } });
  t.notOk('progress' in (await api.until(silent.id, 'success')));
});

t.test('job.progress goes to those who name it, without a seq, and to nobody else', async (t) => {
  const named = await Subscriber.to(server, { event_types: ['job.progress', 'job.completed'], job_types: ['talks'] });
  const stream = await StreamReader.to(server, 'event_types=job.progress');
  const { id } = await api.create({ name: 'talks', delay: '0s', payload: { ms: 700 } });
  const watching = await Subscriber.to(server, { job_ids: [id] });
  const asking = await Subscriber.to(server, { job_ids: [id], event_types: ['job.progress'] });
  await named.waitFor(({ type }) => type === 'job.completed');
  const heard = named.messages.filter(({ type }) => type === 'job.progress');
  t.ok(heard.length >= 3 && heard.length <= 11, `${heard.length} in 700 ms`);
  for (const event of heard) {
    t.match(event, { job_id: id, job_name: 'talks', status: 1, data: { progress: { i: Number } }, metadata: {} });
    t.notOk('seq' in event);
  }
  t.same(
    asking.messages.filter(({ type }) => type !== 'job.progress').map(({ type }) => type),
    ['subscribed'],
  );
  const streamed = () => stream.blocks.filter(({ message }) => message?.type === 'job.progress');
  await eventually(() => streamed().length === heard.length, 'the stream has had as many');
  for (const { id: place } of streamed()) t.equal(place, undefined, 'no place to resume from');
  for (const other of [feed, watching])
    t.same(
      other.messages.filter(({ type }) => type === 'job.progress'),
      [],
    );
});

t.test('it is not resumed', async (t) => {
  const again = await Subscriber.connect(server);
  again.send({ action: 'subscribe', since: 0, filter: { event_types: ['job.progress', 'job.scheduled'] } });
  await again.waitFor(({ type }) => type === 'job.scheduled');
  t.same(
    again.messages.filter(({ type }) => type === 'job.progress'),
    [],
  );
});

t.test('a kill takes at most the last second of it', async (t) => {
  const { id } = await api.create({ name: 'steps', delay: '0s', payload: { file: '/nowhere/at/all', values: [77] } });
  await api.until(id, ({ progress }) => progress === 77);
  await new Promise((done) => setTimeout(done, 1500));
  // Paused, the next server leaves it as it was found.
  await api.post('/pause');
  await server.kill();
  await server.restart();
  t.match(await api.job(id), { status: 'pending', waiting_for: 'server_paused', progress: 77 });
  await api.post('/resume');
  await api.delete(`/jobs/${id}`);
});
