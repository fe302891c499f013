/** Events of a server whose jobs are divided over four shards: one stream, and one cursor to go on from. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { faultIn, nameOf, readPlace } from '../support/shards.js';
import { StreamReader } from '../support/sse.js';
import { testedNodes } from '../support/tested-nodes.js';
import { type JobEvent, Subscriber } from '../support/ws.js';

const env = { ESCAPEMENT_TEST_SHARDS: '4' };
const waiting = { name: 'noop', delay: '1h', payload: {} };

t.test('events name their shard, and whoever comes back after a kill has missed none', async (t) => {
  const server = await startServer({ env });
  const api = new Client(server);
  const feed = await Subscriber.connect(server);
  const { cursor: begin } = await feed.ask({ action: 'subscribe', since: 0 }, 'subscribed');
  const made: { id: string }[] = [];
  // One after the other, so that each is a batch of its own.
  for (let i = 0; i < 20; i++) made.push(await api.create({ ...waiting, delay: '0s' }));
  await feed.waitFor(
    () => feed.events().filter(({ type }) => type === 'job.completed').length === 20,
    'all',
    0,
    30_000,
  );
  const told = feed.events();
  t.equal(faultIn(told, readPlace(begin)), undefined);
  t.ok(new Set(told.map(({ shard }) => shard)).size > 1, 'of several shards');
  await server.kill('SIGKILL');
  await server.restart();
  const after = await Subscriber.connect(server);
  const { cursor } = await after.ask({ action: 'subscribe', since: begin }, 'subscribed');
  await after.waitFor(() => after.events().length >= told.length, 'what was told before');
  t.equal(faultIn(after.events(), readPlace(begin)), undefined);
  const byName = (events: readonly JobEvent[]): ReadonlyMap<string, JobEvent> =>
    new Map(events.map((event) => [nameOf(event), event]));
  const again = byName(after.events());
  for (const [name, event] of byName(told)) t.strictSame(again.get(name), event);
  for (const [shard, seq] of readPlace(cursor).entries())
    t.ok(seq >= told.filter((event) => event.shard === shard).length, 'no number is given twice');
  const late = await Subscriber.connect(server);
  await late.ask({ action: 'subscribe', since: cursor }, 'subscribed');
  const { id } = await new Client(server).create(waiting);
  t.equal((await late.event(id, 'job.scheduled')).type, 'job.scheduled');
  t.equal(late.events().length, 1, 'only what is new');
  // To a node such a place may be one that others know of, or that was lost: it waits for it, or tells of a gap.
  const ahead = testedNodes === undefined ? ['0-99999.0-0.0-0.0-0'] : [];
  for (const since of [5, 'x', '0-1', '0-9e9.0-0.0-0.0-0', ...ahead]) {
    const lost = await Subscriber.connect(server);
    t.match(await lost.ask({ action: 'subscribe', since }, 'error'), { code: 'validation_failed' }, String(since));
    await lost.close();
  }
  const { status } = await new Client(server).get<unknown>(`/jobs/${made[0]?.id}`);
  t.equal(status, 200);
});

t.test('an event stream has the cursor as the id of each event', async (t) => {
  const server = await startServer({ env });
  const api = new Client(server);
  const reader = await StreamReader.to(server);
  await Promise.all(Array.from({ length: 12 }, () => api.create({ ...waiting, delay: '0s' })));
  await eventually(() => reader.events().length === 36, 'three events of each job', 30_000);
  const named = reader.blocks.filter(({ message }) => message?.job_id !== undefined);
  const place = [...readPlace(reader.blocks[0]?.id)];
  t.equal(faultIn(reader.events(), place), undefined);
  for (const { id, message } of named) {
    place[message?.shard as number] = message?.seq as number;
    t.same(readPlace(id), place);
  }
  const middle = named[17];
  const again = await StreamReader.to(server, '', { 'Last-Event-ID': String(middle?.id) });
  await eventually(() => again.events().length === 18, 'those behind it', 30_000);
  t.equal(faultIn(again.events(), readPlace(middle?.id)), undefined);
  t.same(readPlace(again.blocks.at(-1)?.id), place);
  await again.close();
  await reader.close();
});
