/** Hosts of shards over one database, with all that is real but threads and sockets: what one has begun another goes on with. */
import t, { type Test } from 'tap';
import { systemClock } from '../../src/clock.js';
import { type CommonPorts, SeveralShards } from '../../src/cluster/process-shards.js';
import { NodeShards } from '../../src/cluster/shard-host.js';
import { Shards } from '../../src/cluster/shards.js';
import { togetherOf } from '../../src/cluster/together.js';
import type { JobEvent } from '../../src/domain/events.js';
import type { Answer, JobDraft } from '../../src/scheduler/messages.js';
import { DamageLog } from '../../src/store/damage-log.js';
import type { ShardRow } from '../../src/store/postgres/database.js';
import { noTelemetry } from '../../src/telemetry/port.js';
import { FakeDatabase } from '../simulation/cluster/fake-database.js';
import { Random } from '../simulation/random.js';
import { InlineIndex } from '../support/inline-index.js';
import { anyHandler, FakePool } from '../support/world.js';

const shardCount = 2;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

class Index extends InlineIndex {
  isOpen = false;
  override async open(merged: number): Promise<void> {
    await super.open(merged);
    this.isOpen = true;
  }
  override step(): boolean {
    return this.isOpen && super.step();
  }
}

class Host {
  readonly pool = new FakePool();
  readonly shards = new Shards(shardCount);
  readonly events: JobEvent[] = [];
  readonly indexes: Index[] = [];
  readonly lost: number[] = [];
  /** This node goes by what users have set. */
  settled: Promise<void> = Promise.resolve();
  readonly several: SeveralShards;
  readonly host: NodeShards;
  readonly together = togetherOf(this.shards);

  constructor(
    readonly name: string,
    readonly fake: FakeDatabase,
  ) {
    const ports: CommonPorts = {
      ...{ clock: systemClock, pool: this.pool, handlers: [anyHandler('noop')], timezone: 'UTC', log: quiet },
      readEnqueued: (text) => JSON.parse(text) as JobDraft,
      retention: { retentionMs: 1e9, retainJobs: 1000, failedRetentionMs: 1e9, retainFailed: 1000 },
      telemetry: noTelemetry,
      damage: new DamageLog(quiet),
      publish: (events) => this.events.push(...events),
      publishTransient: () => {},
      fatal: (reason) => {
        throw new Error(reason);
      },
    };
    this.several = new SeveralShards(this.shards, ports, (shard) => this.several.owner.turn(shard));
    this.host = new NodeShards({
      ...{ database: fake.of(name), sessions: name, shards: this.several, clock: systemClock, pause: turn, log: quiet },
      indexes: {
        add: (_, logShare) => {
          const index = new Index(logShare);
          this.indexes.push(index);
          return index;
        },
      },
      lost: (shard) => this.lost.push(shard),
      settled: () => this.settled,
    });
  }

  /** Takes a shard, whoever has it. */
  take(shard: number): ShardRow {
    const { token } = this.fake.tables.shards()[shard] as ShardRow;
    return this.fake.tables.take(shard, token, this.name) as ShardRow;
  }

  create(more: Partial<JobDraft> = {}): { answer?: Answer } {
    const asked: { answer?: Answer } = {};
    const trigger = { kind: 'delay', delayMs: 0 } as const;
    const draft: JobDraft = { name: 'noop', trigger, isRepeat: false, payload: '{}', ...more };
    this.together.requests.request({ kind: 'create', draft }, 100, (answer) => {
      asked.answer = answer;
    });
    return asked;
  }

  /** Ends the attempt of a job. */
  end(number: number): void {
    const { fence } = this.pool.attempts.get(number)!;
    this.pool.attempts.delete(number);
    this.several.owner.outcomes([{ kind: 'succeeded', jobSeq: number, fence, durationMs: 1 }]);
  }
}

function world(t: Test) {
  const fake = new FakeDatabase({ random: new Random(1), shards: shardCount });
  const [first, second] = [new Host('first', fake), new Host('second', fake)];
  t.teardown(() => {
    for (const { several } of [first, second]) several.waker.stop();
  });
  /** Lets all of them work until it is so. */
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let step = 0; !isSo(); step++) {
      if (step > 5_000) throw new Error(`it never is so: ${what}`);
      fake.step();
      for (const { indexes } of [first, second]) for (const index of indexes) index.step();
      await turn();
    }
  };
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    await until('a promise is settled', () => isOver);
    return await promise;
  };
  return { fake, first, second, until, settled };
}

function numberOf(asked: { answer?: Answer }): number {
  const { answer } = asked;
  if (!answer?.ok || 'bulk' in answer) throw new Error(`not made: ${JSON.stringify(answer)}`);
  return answer.jobs[0]!.spec.seq;
}

const bodies = (host: Host, number: number) =>
  host.events.filter(({ jobSeq }) => jobSeq === number).map(({ body }) => body.type);

t.test('a job that runs is told as interrupted, and runs where its shard is taken', async (t) => {
  const { first, second, until, settled } = world(t);
  await settled(first.host.open(first.take(1)));
  const asked = first.create();
  await until('it is made and runs', () => asked.answer !== undefined && first.pool.attempts.size === 1);
  const number = numberOf(asked);
  t.equal(number % shardCount, 1, 'its number names its shard');
  await until('its start is on record', () => bodies(first, number).includes('job.started'));

  await settled(second.host.open(second.take(1)));
  const told = second.events.find(({ jobSeq }) => jobSeq === number)?.body;
  t.match(told, { type: 'job.retrying', cause: 'interruption' });
  await until('it runs again', () => second.pool.attempts.has(number));
  t.not(second.pool.attempts.get(number)!.fence, first.pool.attempts.get(number)!.fence);

  const late = first.create();
  await until('the first has noticed', () => first.lost.length > 0);
  t.equal(late.answer, undefined, 'who waits is answered when the shard is dropped');
  let isDropped = false;
  const dropped = first.host.drop(1).then(() => {
    isDropped = true;
  });
  t.match(late.answer, { ok: false, refusal: { code: 'timeout' } });
  t.same(first.pool.aborted, [number]);
  t.same(first.host.ends, []);
  t.match(first.create().answer, { ok: false }, 'there is no shard here');
  for (let i = 0; i < 20; i++) await turn();
  t.notOk(isDropped, 'its attempt is in the pool still');
  const heard = first.events.length;
  first.end(number);
  await settled(dropped);
  t.equal(first.events.length, heard, 'nobody hears how it ended there');

  second.end(number);
  await until('it has succeeded', () => bodies(second, number).includes('job.completed'));
  t.equal(second.together.queries.totals().running, 0);
});

t.test('what is opened while another takes it is not open', async (t) => {
  const { first, second, settled, until } = world(t);
  const row = first.take(0);
  second.take(0);
  await t.rejects(settled(first.host.open(row)), { name: 'NotOwned' });
  t.same(first.shards.all, []);

  const opening = first.host.open(first.take(0));
  const dropped = first.host.drop(0);
  await t.rejects(settled(opening), { name: 'Dropped' });
  await settled(dropped);
  t.same(first.shards.all, []);
  await settled(first.host.open(first.take(0)));
  t.equal(first.shards.all.length, 1, 'it can be opened again');
  const asked = first.create();
  await until('a job is made', () => asked.answer !== undefined);
  t.same(first.host.ends.length, 1);
  numberOf(asked);
});

t.test('places that attempts of a dropped shard had are free for others', async (t) => {
  const { first, second, settled, until } = world(t);
  first.pool.capacity = 2;
  await settled(first.host.open(first.take(0)));
  const asked = [first.create(), first.create()];
  await until('both run', () => first.pool.attempts.size === 2);
  await settled(first.host.open(first.take(1)));
  second.take(0);
  const dropped = first.host.drop(0);
  const waiting = first.create();
  await until('the third is made', () => waiting.answer !== undefined);
  t.notOk(first.pool.attempts.has(numberOf(waiting)), 'the pool is full');
  for (const each of asked) first.end(numberOf(each));
  await settled(dropped);
  await until('the third runs', () => first.pool.attempts.has(numberOf(waiting)));
  t.pass();
});

t.test('a shard is opened by what users have set', async (t) => {
  const { first, settled, until } = world(t);
  let isRead = (): void => {};
  first.settled = new Promise((resolve) => {
    isRead = resolve;
  });
  const opening = first.host.open(first.take(0));
  await until('its index is filled', () => first.indexes[0]?.isOpen === true);
  for (let i = 0; i < 20; i++) await turn();
  t.same(first.shards.all, [], 'it waits until that is read');
  void first.several.follow({ server: { paused: { since: 1 } }, types: new Map() });
  isRead();
  await settled(opening);
  const asked = first.create();
  await until('a job is made', () => asked.answer !== undefined);
  for (let i = 0; i < 20; i++) await turn();
  t.equal(first.pool.attempts.size, 0, 'the server is paused');

  await settled(first.several.follow({ server: {}, types: new Map([['noop', { paused: { since: 2 } }]]) }));
  for (let i = 0; i < 20; i++) await turn();
  t.equal(first.pool.attempts.size, 0, 'its type is paused');
  const waiting = asked.answer;
  if (!waiting?.ok || 'bulk' in waiting) throw new Error('not made');
  t.equal(first.together.requests.waitingFor(waiting.jobs[0]!), 'type_paused');
  await settled(first.several.follow({ server: {}, types: new Map() }));
  await until('it runs', () => first.pool.attempts.size === 1);
});
