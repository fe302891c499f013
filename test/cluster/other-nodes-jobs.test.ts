/**
 * Jobs of one node, asked for at another: their events by the client, what they say while they run, their lines, and their end. The node
 * that is asked has other shards; then the owner is killed, and nobody who waits has to know.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WebSocket as WsWebSocket } from 'ws';
import { Escapement, type Gap, type JobEvent } from '../../src/client/client.js';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { run, temporary } from '../support/server.js';
import { talks } from '../support/talks.js';
import { startCluster } from './support/cluster.js';
import { isWell } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(400_000);
const scope = globalThis as { WebSocket?: unknown };

const handlers = { talks: talks(100) };

async function ownsHalf({ api }: ClusterNode): Promise<boolean> {
  const { body } = await api.get<{ node: string; shards: { owner: string | null }[] }>('/cluster');
  return (
    body.shards.filter(({ owner }) => owner === body.node).length * 2 >= body.shards.length && body.shards.length > 0
  );
}

/** Hears of all from the beginning; each event by its shard and number. */
function follow(url: string, way: 'fetch' | 'WebSocket', signal: AbortSignal): { readonly heard: Map<string, number> } {
  const heard = new Map<string, number>();
  const client = new Escapement({ url });
  const listen = async (): Promise<void> => {
    scope.WebSocket = way === 'WebSocket' ? WsWebSocket : undefined;
    for await (const event of client.events({}, { since: 0, signal })) {
      const name = nameOf(event);
      heard.set(name, (heard.get(name) ?? 0) + 1);
      scope.WebSocket = way === 'WebSocket' ? WsWebSocket : undefined;
    }
  };
  listen().catch((error) => t.fail(String(error)));
  return { heard };
}

const nameOf = (event: JobEvent | Gap): string =>
  event.type === 'gap' ? JSON.stringify(event) : `${event.shard} ${event.seq} ${event.type} ${event.job_id}`;

t.test('jobs of a node are there for those who ask another', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 2, settings: ['fsync=off'], handlers });
  const [owner, other] = nodes as [ClusterNode, ClusterNode];
  await eventually(() => isWell(owner), 'all shards are run', 60_000);
  const movingFile = join(temporary('moving'), 'end');
  const moving = new Set<string>();
  for (let i = 0; i < 8; i++)
    moving.add((await owner.api.create({ name: 'talks', delay: '0s', payload: { file: movingFile } })).id);
  // No shard moves any more while something is looked at.
  await eventually(() => ownsHalf(other), 'the other has its share', 120_000);
  const url = `http://127.0.0.1:${other.port}`;
  const client = new Escapement({ url });
  scope.WebSocket = WsWebSocket;

  // Half of these jobs have moved by now, and their attempts run where they began.
  const heardOf = new Set<string>();
  const all = { job_ids: [...moving], event_types: ['job.progress', 'job.log'] as const };
  const limit = AbortSignal.timeout(60_000);
  for await (const event of client.events(all, { signal: limit })) {
    if (event.type !== 'gap') heardOf.add(`${event.job_id} ${event.type}`);
    if (heardOf.size === 2 * moving.size) break;
  }
  t.equal(heardOf.size, 2 * moving.size, 'what they say is heard, wherever they run');
  writeFileSync(movingFile, '');
  for (const each of moving) t.equal((await client.jobs.wait(each)).status, 'success');

  const file = join(temporary('talks'), 'end');
  const { id } = await owner.api.create({ name: 'talks', delay: '0s', payload: { file } });
  const said = new Set<string>();
  for await (const event of client.events({ job_ids: [id], event_types: ['job.progress', 'job.log'] })) {
    if (event.type !== 'gap') said.add(event.type);
    if (said.size === 2) break;
  }
  t.same([...said].sort(), ['job.log', 'job.progress'], 'what it says while it runs');
  await eventually(async () => {
    for await (const { message } of client.jobs.logs(id)) if (message === 'still at it') return true;
    return false;
  }, 'its lines');

  const watching = run(['jobs', 'watch', id, '--logs'], { ESCAPEMENT_URL: url });
  const watched = new Promise((resolve) => watching.once('exit', resolve));
  let text = '';
  for (const from of [watching.stdout, watching.stderr])
    from!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually(
    () => /job\.log +talks/.test(text) && /job\.progress +talks/.test(text),
    () => `it is watched, and says: ${text.slice(-2000)}`,
    90_000,
  );
  writeFileSync(file, '');
  t.equal(await watched, 0);
  t.match(text, /job\.completed.*\n.*talks {2}success/);

  const waiting = await client.jobs.wait(
    (await owner.api.create({ name: 'sleep', delay: '0s', payload: { ms: 200 } })).id,
  );
  t.equal(waiting.status, 'success', 'its end is waited for');

  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const follows = (['fetch', 'WebSocket'] as const).map((way) => follow(url, way, stop.signal));
  const made: string[] = [];
  const make = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) made.push((await owner.api.create({ name: 'noop', delay: '0s', payload: {} })).id);
  };
  const hasAll = ({ heard }: (typeof follows)[number]): boolean => {
    const names = [...heard.keys()];
    return made.every((one) => names.some((name) => name.endsWith(`job.completed ${one}`)));
  };
  await make(20);
  for (const each of follows) await eventually(() => hasAll(each), 'all was heard of', 30_000);
  await other.kill();
  await make(20);
  await other.start();
  await make(20);
  for (const each of follows) await eventually(() => hasAll(each), 'all was heard of after a cut', 30_000);

  const cut = await owner.api.create({ name: 'sleep', delay: '0s', payload: { ms: 2000 } });
  await eventually(async () => (await other.api.job(cut.id)).status === 'running', 'it runs');
  const end = client.jobs.wait(cut.id);
  await owner.kill();
  t.equal((await end).status, 'success', 'its end is waited for, on whichever node it comes');
  made.push(cut.id);
  for (const each of follows) await eventually(() => hasAll(each), 'all was heard of after a takeover', 60_000);
  for (const { heard } of follows) {
    t.same(
      [...heard].filter(([name, times]) => times > 1 || name.startsWith('{')),
      [],
      'each once, and no gap',
    );
  }
  t.same([...follows[0]!.heard.keys()].sort(), [...follows[1]!.heard.keys()].sort(), 'both ways the same');
});
