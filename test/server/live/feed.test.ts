/** Subscriptions and fan-out: an event reaches each of those who asked for it, once and in order. */

import fc from 'fast-check';
import t from 'tap';
import { type EventBody, type EventType, eventTypes, type JobEvent } from '../../../src/domain/events.js';
import { everything, type Filter, readFilter, topicsFor, topicsOf } from '../../../src/domain/filter.js';
import { formatId } from '../../../src/domain/id.js';
import { limits } from '../../../src/domain/limits.js';
import { Feed, type Listener } from '../../../src/server/live/feed.js';
import { noTelemetry, type Telemetry } from '../../../src/telemetry/port.js';
import { recorded } from '../../support/telemetry.js';
import { exampleNow } from '../fixture.js';

/** Topics as uWebSockets.js has them. */
class Hub {
  readonly topics = new Map<string, Set<Ear>>();
  published = 0;
  readonly publish = (topic: string, message: string): void => {
    this.published += 1;
    for (const ear of this.topics.get(topic) ?? []) ear.heard.push(message);
  };
}

class Ear implements Listener {
  readonly heard: string[] = [];
  constructor(
    readonly number: number,
    readonly hub: Hub,
  ) {}
  join(topic: string): void {
    const ears = this.hub.topics.get(topic) ?? new Set();
    this.hub.topics.set(topic, ears.add(this));
  }
  leave(topic: string): void {
    this.hub.topics.get(topic)?.delete(this);
  }
  get seqs(): number[] {
    return this.heard.map((text) => (JSON.parse(text) as { seq: number }).seq);
  }
}

function bodyOf(type: EventType): EventBody {
  switch (type) {
    case 'job.scheduled':
    case 'job.updated':
      return { type, triggerAt: exampleNow, isRepeat: false };
    case 'job.started':
      return { type, attempt: 1 };
    case 'job.completed':
      return { type, durationMs: 1 };
    case 'job.failed':
      return { type, error: 'e', retryCount: 0, maxRetries: 0, final: true };
    case 'job.retrying':
      return { type, nextRetryAt: exampleNow, retryCount: 1, cause: 'failure' };
    case 'job.cancelled':
      return { type, previousStatus: 'pending' };
    case 'job.paused':
    case 'job.resumed':
      return { type, status: 'running', reason: 'r' };
  }
}

const idSeconds = 1704180000;
function event(seq: number, jobName: string, type: EventType, jobSeq = 1): JobEvent {
  return { seq, jobSeq, idSeconds, jobName, at: exampleNow, body: bodyOf(type) };
}

function open(telemetry: Telemetry = noTelemetry): { hub: Hub; feed: Feed; turn: () => boolean } {
  const hub = new Hub();
  const later: (() => void)[] = [];
  const soon = (step: () => void): void => void later.push(step);
  /** The next turn of the loop; false when nothing waits for it. */
  const turn = (): boolean => {
    const steps = later.splice(0);
    for (const step of steps) step();
    return steps.length > 0;
  };
  return { hub, feed: new Feed({ publish: hub.publish, timezone: 'UTC', telemetry, latest: [7], soon }), turn };
}

const latestOf = ({ latest }: Feed): number => latest[0] as number;

const events = (from: number, count: number): JobEvent[] =>
  Array.from({ length: count }, (_, i) => event(from + i, 'a', 'job.scheduled'));

t.test('nothing is rendered or published while nobody listens', (t) => {
  const { hub, feed } = open();
  const untouchable = {
    seq: 9,
    body: {
      get type(): never {
        throw new Error('rendered');
      },
    },
  } as unknown as JobEvent;
  t.equal(latestOf(feed), 7);
  feed.publish([untouchable]);
  t.equal(latestOf(feed), 9);
  feed.publish([]);
  t.equal(latestOf(feed), 9);
  t.equal(hub.published, 0);
  t.end();
});

t.test('an event is published to the topics that have listeners only', (t) => {
  const { hub, feed } = open();
  const [a, b] = [new Ear(1, hub), new Ear(2, hub)];
  feed.subscribe(a, { ...everything, jobTypes: ['mail'] });
  feed.subscribe(b, { ...everything, jobTypes: ['mail'] });
  feed.publish([event(1, 'mail', 'job.started'), event(2, 'other', 'job.started')]);
  t.equal(hub.published, 1);
  t.same([a.seqs, b.seqs], [[1], [1]]);
  feed.unsubscribe(a);
  feed.publish([event(3, 'mail', 'job.started')]);
  feed.forget(b);
  feed.publish([event(4, 'mail', 'job.started')]);
  t.same([a.seqs, b.seqs], [[1], [1, 3]]);
  t.equal(feed.subscribers, 0);
  t.equal(hub.published, 2);
  t.end();
});

t.test('a later subscription replaces the earlier one', (t) => {
  const { hub, feed } = open();
  const ear = new Ear(1, hub);
  feed.subscribe(ear, everything);
  feed.publish([event(1, 'a', 'job.started')]);
  feed.subscribe(ear, { ...everything, jobIds: [formatId(5, idSeconds)] });
  feed.publish([event(2, 'a', 'job.started'), event(3, 'a', 'job.started', 5)]);
  feed.subscribe(ear, { ...everything, eventTypes: ['job.failed'] });
  feed.publish([event(4, 'a', 'job.started', 5), event(5, 'a', 'job.failed')]);
  t.same(ear.seqs, [1, 3, 5]);
  t.end();
});

const names = ['mail', 'report', 'x'];
const ids = [1, 2, 3].map((seq) => formatId(seq, idSeconds));
const filters = fc.record({
  jobTypes: fc.uniqueArray(fc.constantFrom(...names)),
  eventTypes: fc.uniqueArray(fc.constantFrom(...eventTypes)),
  jobIds: fc.uniqueArray(fc.constantFrom(...ids, 'job_xxx')),
});

/** What the API says of filters. */
function matches({ jobTypes, eventTypes: kinds, jobIds }: Filter, name: string, kind: EventType, id: string): boolean {
  return (
    (jobTypes.length === 0 || jobTypes.includes(name)) &&
    (kinds.length === 0 || kinds.includes(kind)) &&
    (jobIds.length === 0 || jobIds.includes(id))
  );
}

t.test('whoever listens hears exactly what the filter says, once, in order', (t) => {
  const happenings = fc.array(
    fc.tuple(fc.constantFrom(...names), fc.constantFrom(...eventTypes), fc.constantFrom(1, 2, 3)),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(fc.array(filters, { maxLength: 6 }), happenings, (wanted, happened) => {
      const { hub, feed } = open();
      const ears = wanted.map((filter, at) => {
        const ear = new Ear(at, hub);
        feed.subscribe(ear, filter);
        return ear;
      });
      const events = happened.map(([name, type, job], at) => event(at + 10, name, type, job));
      feed.publish(events);
      for (const [at, ear] of ears.entries()) {
        const expected = events.filter(({ jobName, body, jobSeq }) =>
          matches(wanted[at] as Filter, jobName, body.type, formatId(jobSeq, idSeconds)),
        );
        if (JSON.stringify(ear.seqs) !== JSON.stringify(expected.map(({ seq }) => seq))) return false;
      }
      for (const ear of ears) feed.forget(ear);
      return feed.subscribers === 0;
    }),
  );
  t.end();
});

t.test('however many listen, a turn tells of some events and not of all', (t) => {
  const { hub, feed } = open();
  for (let number = 0; number < 3000; number++) feed.subscribe(new Ear(number, hub), everything);
  feed.publish(events(8, 100));
  t.equal(latestOf(feed), 7 + 24);
  t.end();
});

t.test('whom an event is told that names its job is not asked of all the jobs it names', (t) => {
  const { hub, feed } = open();
  let looks = 0;
  const counted = <Value>(list: readonly Value[]): readonly Value[] =>
    new Proxy(list, {
      get: (target, field) => {
        looks++;
        return Reflect.get(target, field);
      },
    });
  const wanted = { ...everything, jobIds: counted(ids), jobTypes: counted(names) };
  const ears = Array.from({ length: 10 }, (_, number) => new Ear(number, hub));
  for (const ear of ears) feed.subscribe(ear, wanted);
  looks = 0;
  feed.publish([event(8, 'x', 'job.started', 3), event(9, 'y', 'job.started', 3), event(10, 'x', 'job.started', 4)]);
  t.equal(looks, 0, 'no list is gone through');
  for (const ear of ears) t.same(ear.seqs, [8]);
  t.end();
});

t.test('what is much is told in several turns, in order, and newcomers hear the rest', async (t) => {
  const { hub, feed, turn } = open();
  const ears = Array.from({ length: 100 }, (_, number) => new Ear(number, hub));
  for (const ear of ears) feed.subscribe(ear, everything);
  feed.publish(events(8, 1000));
  const first = latestOf(feed);
  t.ok(first > 8 && first < 500, `the first turn told up to ${first}`);
  const late = new Ear(100, hub);
  feed.subscribe(late, everything);
  feed.publish(events(1008, 10));
  t.equal(latestOf(feed), first, 'what comes later waits its turn');
  let turns = 0;
  for (; turn(); turns++) t.ok(turns < 10);
  t.ok(turns > 1, `${turns} more turns`);
  t.equal(latestOf(feed), 1017);
  for (const ear of ears)
    t.same(
      ear.seqs,
      Array.from({ length: 1010 }, (_, i) => 8 + i),
    );
  t.same(
    late.seqs,
    Array.from({ length: 1017 - first }, (_, i) => first + 1 + i),
  );
});

t.test('no more than a bound waits to be told, and nothing once the feed was flushed', async (t) => {
  const { hub, feed, turn } = open();
  const ears = Array.from({ length: 10 }, (_, number) => new Ear(number, hub));
  for (const ear of ears) feed.subscribe(ear, everything);
  for (let from = 8; from < 70_008; from += 10_000) feed.publish(events(from, 10_000));
  t.equal(latestOf(feed), 70_007 - 50_000, 'all but 50,000 were told at once');
  feed.flush();
  t.equal(latestOf(feed), 70_007);
  t.equal(ears[3]?.heard.length, 70_000);
  turn();
  t.equal(ears[3]?.heard.length, 70_000, 'and not again');
});

t.test('a filter and an event share a topic exactly when they match', (t) => {
  fc.assert(
    fc.property(filters, fc.constantFrom(...names), fc.constantFrom(...eventTypes), (filter, name, type) => {
      const withoutIds = { ...filter, jobIds: [] };
      const shared = topicsOf(withoutIds).filter((topic) => topicsFor(name, type).includes(topic));
      return shared.length === (matches(withoutIds, name, type, '') ? 1 : 0);
    }),
  );
  t.end();
});

t.test('telemetry hears of subscribers, and of each event once for each of them', (t) => {
  const { heard, telemetry } = recorded();
  const { hub, feed } = open(telemetry);
  const [a, b] = [new Ear(1, hub), new Ear(2, hub)];
  feed.subscribe(a, everything);
  feed.subscribe(b, { ...everything, jobTypes: ['nobody'] });
  feed.publish(events(8, 3));
  feed.unsubscribe(b);
  feed.unsubscribe(b);
  t.same(heard, [['subscriberGained'], ['subscriberGained'], ['eventsSent', 3], ['subscriberLost']]);
  t.end();
});

t.test('reading filters', (t) => {
  t.same(readFilter({}), { filter: everything });
  t.same(readFilter({ job_types: ['b', 'a', 'b'], event_types: ['job.failed'], job_ids: ['job_xxx'] }), {
    filter: { jobTypes: ['b', 'a'], eventTypes: ['job.failed'], jobIds: ['job_xxx'] },
  });
  const many = (count: number) => Array.from({ length: count }, (_, n) => `t${n}`);
  t.ok('filter' in readFilter({ job_ids: many(limits.filterIds) }));
  t.ok('error' in readFilter({ job_ids: many(limits.filterIds + 1) }));
  t.ok('filter' in readFilter({ job_ids: [...many(limits.filterIds), 't0'] }), 'different ones count');
  t.ok('filter' in readFilter({ job_types: many(limits.filterTopics) }));
  t.ok(
    'error' in readFilter({ job_types: many(limits.filterTopics / 2 + 1), event_types: ['job.failed', 'job.started'] }),
  );
  t.end();
});
