/**
 * Events over real nodes: a listener on one of them hears each event of every shard once and in order, while another node is killed and
 * its shards go to a third; and one who comes back to any node with its cursor has missed nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { faultIn, nameOf, readPlace } from '../support/shards.js';
import { StreamReader } from '../support/sse.js';
import { type JobEvent, type Message, Subscriber } from '../support/ws.js';
import { startCluster } from './support/cluster.js';
import { type ClusterBody, isWell } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(240_000);

/** Between a request that was not taken and the next. */
const pauseMs = 30;

async function ownsSome({ api }: ClusterNode): Promise<boolean> {
  const { body } = await api.get<ClusterBody>('/cluster');
  return body.shards.some(({ owner }) => owner === body.node);
}

/** It knows an owner of each shard; it may own none itself. */
async function seesAll({ api }: ClusterNode): Promise<boolean> {
  const { body } = await api.get<ClusterBody>('/cluster');
  return body.shards.length > 0 && body.shards.every(({ owner }) => owner !== null);
}

/** Creates so many jobs, each at one of the nodes; what a node cannot take just now is asked of another. */
async function make(nodes: readonly ClusterNode[], count: number, made: Set<string>): Promise<void> {
  for (let i = 0, tries = 0; i < count; tries++) {
    const { api } = nodes[tries % nodes.length]!;
    const job = { name: 'noop', delay: '0s', payload: {}, max_retries: 3 };
    const { status, body } = await api
      .post<{ id: string }>('/jobs', job)
      .catch(() => ({ status: 0, body: { id: '' } }));
    if (status !== 201) {
      await sleep(pauseMs);
      continue;
    }
    made.add(body.id);
    i++;
  }
}

const completedIn = (events: readonly JobEvent[]): ReadonlySet<string> =>
  new Set(events.filter(({ type }) => type === 'job.completed').map((event) => event.job_id));
const hasAll = (events: readonly JobEvent[], made: ReadonlySet<string>): boolean =>
  [...made].every((id) => completedIn(events).has(id));
const gapsIn = (messages: readonly Message[]): readonly Message[] => messages.filter(({ type }) => type === 'gap');

t.test(
  'each event of every shard comes once, whichever node is asked, and while one is killed',
  { skip: withoutPostgres },
  async (t) => {
    const { nodes } = await startCluster(t, { count: 3, settings: ['fsync=off'] });
    const [first, second, third] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    await eventually(() => isWell(first), 'all shards are run', 60_000);
    // What it had goes to both others.
    await first.kill();
    for (const node of [second, third])
      await eventually(
        async () => (await isWell(node)) && (await ownsSome(node)),
        'the others have its shards',
        60_000,
      );
    await first.start();
    await eventually(() => seesAll(first), 'it is a node again', 60_000);

    const listener = await Subscriber.connect(first);
    const { cursor: begin } = await listener.subscribe();
    const from = readPlace(begin);
    t.equal(from.length, 16, 'a place for each shard');
    const stream = await StreamReader.to(third);
    const made = new Set<string>();
    await make([first, second, third], 60, made);
    await eventually(() => hasAll(listener.events(), made), 'all was heard of', 30_000);
    t.ok(new Set(listener.events().map(({ shard }) => shard)).size > 8, 'of many shards');

    const leaving = await Subscriber.connect(second);
    const { cursor } = await leaving.subscribe();
    await make([first, second, third], 30, made);
    const killed = second.kill();
    await make([first, third], 60, made);
    await killed;
    await eventually(async () => (await isWell(third)) && (await seesAll(first)), 'the rest has its shards', 60_000);
    await make([first, third], 30, made);
    await eventually(() => hasAll(listener.events(), made), 'all was heard of', 60_000);
    t.same(gapsIn(listener.messages), []);
    t.equal(faultIn(listener.events(), from), undefined);

    await eventually(() => hasAll(stream.events() as JobEvent[], made), 'all was heard of by a stream', 60_000);
    t.equal(faultIn(stream.events(), readPlace(stream.blocks[0]?.id)), undefined);

    const byName = new Map(listener.events().map((event) => [nameOf(event), event]));
    for (const [since, node] of [
      [begin, third],
      [cursor, first],
    ] as const) {
      const late = await Subscriber.connect(node);
      await late.ask({ action: 'subscribe', since }, 'subscribed');
      const missed = listener.events().filter(({ seq, shard }) => seq > readPlace(since)[shard as number]!);
      await late.waitFor(() => late.events().length >= missed.length, 'what was missed', 0, 30_000);
      t.equal(faultIn(late.events(), readPlace(since)), undefined);
      t.strictSame(
        late.events().map((event) => byName.get(nameOf(event))),
        late.events(),
        'the same as all others hear',
      );
      t.same(gapsIn(late.messages), []);
    }
  },
);
