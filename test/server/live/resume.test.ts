/** Many who resume at once: in each turn of the event loop a little is read and sent, to each in turn. */
import t from 'tap';
import type { JobEvent } from '../../../src/domain/events.js';
import { everything } from '../../../src/domain/filter.js';
import { formatId } from '../../../src/domain/id.js';
import { Turns } from '../../../src/server/bodies/turns.js';
import { type Resuming, resume } from '../../../src/server/live/resume.js';
import { noTelemetry } from '../../../src/telemetry/port.js';
import { eventually } from '../../support/client.js';
import { Subscriber } from '../../support/ws.js';
import { exampleNow, FakeQueries, serve } from '../fixture.js';

const events = Array.from(
  { length: 3000 },
  (_, at): JobEvent => ({
    seq: at + 1,
    jobSeq: 1,
    idSeconds: 1,
    jobName: 'payment_check',
    at: exampleNow,
    body: { type: 'job.started', attempt: 1 },
  }),
);

/** A server with these events in its past. By its clock each look into the log takes two milliseconds. */
async function serveThePast() {
  let now = 0;
  const looks: number[] = [];
  const queries = new FakeQueries();
  queries.seq = events.length;
  queries.eventsAfter = (seq, limit) => {
    now += 2;
    looks.push(seq);
    return { events: events.slice(seq, seq + limit), oldest: 1 };
  };
  const clock = { now: () => exampleNow, monotonic: () => now };
  const { port, server } = await serve({}, { queries, clock });
  return { port, server, looks };
}

t.test('however many resume at once, a turn of the loop reads for some milliseconds only', async (t) => {
  const { port, server, looks } = await serveThePast();
  const subscribers = await Promise.all(Array.from({ length: 20 }, () => Subscriber.connect({ port })));
  let most = 0;
  let before = 0;
  let counting = true;
  const count = (): void => {
    most = Math.max(most, looks.length - before);
    before = looks.length;
    if (counting) setImmediate(count);
  };
  count();
  for (const subscriber of subscribers) subscriber.send({ action: 'subscribe', since: 0 });
  await Promise.all(subscribers.map((each) => each.waitFor(({ seq, type }) => type !== 'subscribed' && seq === 3000)));
  counting = false;
  // Three looks reach five milliseconds, and between two counts there are at most three turns.
  t.ok(most <= 9, `${most} looks at most`);
  server.publish([{ ...(events[0] as JobEvent), seq: 3001 }]);
  for (const subscriber of subscribers) {
    await subscriber.settle();
    const heard = subscriber.events().map(({ seq }) => seq);
    t.same(
      heard,
      Array.from({ length: 3001 }, (_, at) => at + 1),
      'each once and in order, then live',
    );
    await subscriber.close();
  }
});

/** A client that reads all it is sent, and whose steps are done when the test says so. */
function fakeClient() {
  let now = 0;
  let looks = 0;
  const later: (() => void)[] = [];
  const seqs: number[] = [];
  const client = { isWanted: true, isLive: false };
  const to: Resuming = {
    send: (message) => void seqs.push((JSON.parse(message) as { seq: number }).seq),
    together: (step) => step(),
    backlog: () => 0,
    wanted: () => client.isWanted,
    live: () => {
      client.isLive = true;
    },
  };
  const eventsAfter = (seq: number, limit: number) => {
    now += 10;
    looks++;
    return { events: events.slice(seq, seq + limit), oldest: 1 };
  };
  const turns = new Turns({ now: () => now, soon: (turn) => void later.push(turn) });
  const history = {
    queries: { eventsAfter },
    timelines: () => [0],
    latest: () => [events.length],
    timezone: 'UTC',
    turns,
    telemetry: noTelemetry,
  };
  return { client, to, history, seqs, looks: () => looks, turn: () => later.shift()?.() };
}

t.test('for a connection that is closed while it resumes nothing more is read', async (t) => {
  const { client, to, history, seqs, looks, turn } = fakeClient();
  resume(history, everything, { seqs: [0], timelines: [0] }, to);
  turn();
  t.equal(looks(), 2, 'one at once, one in the turn');
  const heard = seqs.length;
  client.isWanted = false;
  for (let n = 0; n < 20; n++) turn();
  t.equal(looks(), 2);
  t.equal(seqs.length, heard);
  t.notOk(client.isLive);
});

t.test('the jobs that a filter names are gone through once, however many events are resumed', async (t) => {
  const { client, to, history, seqs, turn } = fakeClient();
  let gone = 0;
  const ids = ['job_xxx', formatId(1, 1)];
  const jobIds = new Proxy(ids, {
    get: (target, field) => {
      if (field === '0') gone++;
      return Reflect.get(target, field);
    },
  });
  resume(history, { ...everything, jobIds }, { seqs: [0], timelines: [0] }, to);
  for (let n = 0; n < 20; n++) turn();
  t.ok(client.isLive);
  t.equal(seqs.length, events.length);
  t.equal(gone, 1);
});

t.test('a shard whose owner has not answered for some seconds is asked for again', async (t) => {
  const { client, to, history, seqs, turn } = fakeClient();
  let asked = 0;
  const others = {
    elsewhere: () => (asked++ === 0 ? Promise.resolve(undefined) : undefined),
    after: () => Promise.resolve(undefined),
  };
  resume({ ...history, others }, everything, { seqs: [0], timelines: [0] }, to);
  await eventually(() => {
    turn();
    return client.isLive;
  }, 'it is through');
  t.equal(seqs.length, events.length);
});
