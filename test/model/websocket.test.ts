/**
 * Any sequence of subscriptions while jobs come, change and go, against what a subscriber to everything has heard: which
 * events must arrive, once, in order of `seq`, none before the answer to a subscription and none after its end.
 */
import fc from 'fast-check';
import t from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';
import { type Filter, type JobEvent, type Message, Subscriber } from '../support/ws.js';

t.setTimeout(120_000);

const types = ['noop', 'echo', 'fail'] as const;
const kinds = ['scheduled', 'started', 'completed', 'failed', 'retrying', 'cancelled', 'updated'].map(
  (k) => `job.${k}`,
);
const listeners = 3;

/** Of jobs that are still to be made; picked by their number. */
type Ids = readonly number[];

type Step =
  | {
      readonly kind: 'subscribe';
      readonly who: number;
      readonly filter: Filter;
      readonly ids: Ids;
      readonly since?: number;
    }
  | { readonly kind: 'unsubscribe' | 'settle'; readonly who: number }
  | { readonly kind: 'run'; readonly type: (typeof types)[number] }
  | { readonly kind: 'wait' | 'cancel' | 'update' };

const who = fc.integer({ min: 0, max: listeners - 1 });
const some = <T>(...values: T[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        kind: fc.constant('subscribe' as const),
        who,
        filter: fc.record(
          { job_types: some<string>(...types, 'nobody'), event_types: some(...kinds) },
          { requiredKeys: [] },
        ),
        ids: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(0, 1, 2, 3, 99) }),
        since: fc.integer({ min: 0, max: 40 }),
      },
      { requiredKeys: ['kind', 'who', 'filter', 'ids'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('unsubscribe' as const, 'settle' as const), who }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('run' as const), type: fc.constantFrom(...types) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'cancel' as const, 'update' as const) }) },
);

function matches({ job_types = [], event_types = [], job_ids = [] }: Filter, event: JobEvent): boolean {
  return (
    (job_types.length === 0 || job_types.includes(event.job_name)) &&
    (event_types.length === 0 || event_types.includes(event.type)) &&
    (job_ids.length === 0 || job_ids.includes(event.job_id))
  );
}

/** What was asked for with each subscription, in order. */
interface Asked {
  readonly filter: Filter;
  readonly since?: number;
}

/** Compares all that one subscriber heard with all that there was. */
function compare(messages: readonly Message[], asked: readonly Asked[], all: readonly JobEvent[]): string | undefined {
  let subscriptions = 0;
  let open: (Asked & { readonly after: number; readonly heard: number[] }) | undefined;
  /** Ends a subscription; `upTo`: it was to hear everything up to there. */
  const end = (upTo: number | undefined): string | undefined => {
    if (open === undefined) return undefined;
    const { filter, after, heard } = open;
    const due = all.filter((event) => event.seq > after && matches(filter, event)).map(({ seq }) => seq);
    const wanted = upTo === undefined ? due.slice(0, heard.length) : due.filter((seq) => seq <= upTo);
    return JSON.stringify(heard) === JSON.stringify(wanted) ? undefined : `heard ${heard} instead of ${wanted}`;
  };
  for (const message of messages) {
    if (message.type === 'subscribed') {
      // One that resumes may have been replaced before it had caught up.
      const fault = end(open?.since === undefined ? message.seq : undefined);
      if (fault !== undefined) return fault;
      const request = asked[subscriptions++]!;
      open = { ...request, after: request.since ?? message.seq!, heard: [] };
    } else if (message.type === 'unsubscribed') {
      const fault = end(undefined);
      if (fault !== undefined) return fault;
      open = undefined;
    } else if (message.type.startsWith('job.')) {
      if (open === undefined) return `heard ${message.seq} without a subscription`;
      open.heard.push(message.seq!);
    } else if (message.type !== 'pong') return `unexpected: ${JSON.stringify(message)}`;
  }
  return subscriptions === asked.length
    ? end(Number.POSITIVE_INFINITY)
    : `${subscriptions} of ${asked.length} answered`;
}

t.test('any subscriptions hear what they asked for, once and in order', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const everything = await Subscriber.to(server);
  let compared = 0;

  const run = async (steps: readonly Step[]): Promise<void> => {
    const subscribers = await Promise.all(Array.from({ length: listeners }, () => Subscriber.connect(server)));
    const asked: Asked[][] = subscribers.map(() => []);
    const base = Math.max(0, everything.events().at(-1)?.seq ?? 0);
    const made: Job[] = [];
    const waiting: Job[] = [];
    const ends: Promise<unknown>[] = [];
    for (const one of steps) {
      switch (one.kind) {
        case 'subscribe': {
          const filter = { ...one.filter, job_ids: one.ids.map((at) => made[at]?.id ?? 'job_xxx') };
          const since = one.since === undefined ? undefined : Math.max(0, base - one.since);
          asked[one.who]!.push({ filter, ...(since !== undefined && { since }) });
          subscribers[one.who]!.send({ action: 'subscribe', filter, since });
          break;
        }
        case 'unsubscribe':
          subscribers[one.who]!.send({ action: 'unsubscribe' });
          break;
        case 'settle':
          await subscribers[one.who]!.settle();
          break;
        case 'run': {
          const job = await api.create({ name: one.type, delay: '0s', max_retries: 1, retry_delay: '1ms' });
          made.push(job);
          const last = one.type === 'fail' ? 'job.failed' : 'job.completed';
          ends.push(everything.event(job.id, last, one.type === 'fail' ? 2 : 1));
          break;
        }
        case 'wait':
          made.push(await api.create({ name: 'echo', delay: '1h' }));
          waiting.push(made.at(-1)!);
          break;
        case 'cancel': {
          const job = waiting.pop();
          if (job !== undefined) await api.delete(`/jobs/${job.id}`);
          break;
        }
        case 'update':
          if (waiting.length > 0) await api.put(`/jobs/${waiting.at(-1)!.id}`, { max_retries: 7 });
          break;
      }
    }
    await Promise.all(ends);
    await everything.settle();
    const all = everything.events();
    for (const [at, subscriber] of subscribers.entries()) {
      await subscriber.settle();
      const caughtUp = asked[at]!.at(-1)?.since !== undefined;
      // Whoever resumes is sent the past in turns; the last event that it asked for is its own sign.
      const last = caughtUp ? all.filter((event) => matches(asked[at]!.at(-1)!.filter, event)).at(-1) : undefined;
      const isOpen = subscriber.messages.filter(({ type }) => /subscribed$/.test(type)).at(-1)?.type === 'subscribed';
      const since = asked[at]!.at(-1)?.since ?? 0;
      if (last !== undefined && isOpen && last.seq > since)
        await subscriber.waitFor(({ type, seq }) => type !== 'subscribed' && seq === last.seq);
      const fault = compare(subscriber.messages, asked[at]!, all);
      if (fault !== undefined) throw new Error(`subscriber ${at}: ${fault}`);
      compared += subscriber.events().length;
      await subscriber.close();
    }
  };

  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), run), {
    numRuns: 30,
    endOnFailure: true,
  });
  t.ok(compared > 100, `${compared} events were compared`);
  const seqs = everything.events().map(({ seq }) => seq);
  t.same(
    seqs,
    seqs.map((_, at) => seqs[0]! + at),
    'and whoever subscribes to everything hears everything',
  );
  await everything.close();
  await server.kill();
});

t.test('the comparison sees what is missing, doubled, out of order, too early or too late', (t) => {
  const event = (seq: number, job_name = 'noop') =>
    ({ type: 'job.started', seq, job_name, job_id: `j${seq}` }) as JobEvent;
  const all = [1, 2, 3, 4].map((seq) => event(seq));
  const subscribed = (seq: number): Message => ({ type: 'subscribed', seq });
  const asked: Asked[] = [{ filter: {} }];
  t.equal(compare([subscribed(1), event(2), event(3), event(4)], asked, all), undefined);
  t.equal(compare([subscribed(1), event(2), { type: 'unsubscribed' }], asked, all), undefined);
  for (const wrong of [
    [subscribed(1), event(2), event(4)],
    [subscribed(1), event(2), event(2), event(3), event(4)],
    [subscribed(1), event(3), event(2), event(4)],
    [event(1), subscribed(1), event(2), event(3), event(4)],
    [subscribed(1), event(2), { type: 'unsubscribed' }, event(3)],
    [subscribed(1), event(3), { type: 'unsubscribed' }],
    [],
  ])
    t.ok(compare(wrong, asked, all), JSON.stringify(wrong));
  t.end();
});
