/**
 * Real nodes over a real PostgreSQL, stopped in order and started again one after the other, as docs/cluster.md has it: no attempt is cut
 * off that ends within the grace, nothing counts as an interruption, no request fails that is sent twice, and what is due starts soon.
 */
import t, { type Test } from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { check, report } from './checker/check.js';
import type { Found, Line } from './checker/lines.js';
import { Recorder } from './checker/recorder.js';
import { asNode, startCluster } from './support/cluster.js';
import { isWell } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';
import { OnceMore } from './support/once-more.js';

t.setTimeout(280_000);

/** Each node runs some of them when it is stopped. */
const longJobs = 12;
const longMs = 3000;
/** Goals are a second, and half of one; what a busy machine adds is not to fail a test. */
const latestStartMs = 10_000;
const longestHandoverSeconds = 5;

interface ClusterBody {
  readonly node: string;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly shards: number }[];
}

async function seen({ api }: ClusterNode): Promise<ClusterBody> {
  return (await api.get<ClusterBody>('/cluster')).body;
}

/** All nodes live, each owns a part, and each is well. */
async function isShared(nodes: readonly ClusterNode[]): Promise<boolean> {
  for (const node of nodes) {
    const { nodes: known } = await seen(node);
    const owning = known.filter(({ state, shards }) => state === 'live' && shards > 0);
    if (owning.length !== nodes.length || !(await isWell(node))) return false;
  }
  return true;
}

/** What nodes have counted since they were started, summed: each line of a node as of the same instant. */
async function countedBy(nodes: readonly ClusterNode[]): Promise<(line: string) => number> {
  const texts: string[] = [];
  for (const { api } of nodes) texts.push((await api.absolute('GET', '/metrics')).text);
  return (line) =>
    texts.reduce((sum, text) => {
      const found = text.split('\n').find((each) => each.startsWith(`escapement_cluster_${line} `));
      if (found === undefined) throw new Error(`there is no ${line} among the metrics`);
      return sum + Number(found.slice(found.lastIndexOf(' ')));
    }, 0);
}

/** All shards that have moved were given by their owners, who lived; each within some seconds. */
async function allWereGiven(t: Test, nodes: readonly ClusterNode[]): Promise<void> {
  const counted = await countedBy(nodes);
  t.equal(counted('shards_lost_total{reason="fenced"}'), 0, 'no shard was lost');
  t.equal(counted('declared_dead_total{node="other"}'), 0, 'nobody was declared dead');
  for (const step of ['give', 'open'] as const) {
    const all = counted(`shard_handover_seconds_count{step="${step}"}`);
    const bucket = `shard_handover_seconds_bucket{step="${step}",le="${longestHandoverSeconds}"}`;
    const inTime = counted(bucket);
    t.equal(inTime, all, `${all} times a shard moved within ${longestHandoverSeconds} s: ${step}`);
  }
}

function foundOf(lines: readonly Line[]): readonly Found[] {
  return lines.filter((line) => line.line === 'found');
}

/** How much later than it was due the latest of all jobs began, in milliseconds. */
function latest(lines: readonly Line[]): number {
  return lines.reduce((most, line) => {
    if (line.line !== 'began') return most;
    return Math.max(most, line.wall - line.scheduledFor);
  }, 0);
}

interface Way {
  readonly what: string;
  readonly args: readonly string[];
  /** Before the next is stopped. */
  readonly isReady: (restarted: ClusterNode, nodes: readonly ClusterNode[]) => Promise<boolean>;
}

const ways: readonly Way[] = [
  {
    what: 'nodes are restarted one after the other, each once it has its part again',
    args: ['--settle', '500ms'],
    isReady: (_, nodes) => isShared(nodes),
  },
  {
    what: 'nodes are restarted one after the other, each once the one before is healthy, and owns nothing yet',
    args: ['--settle', '2h'],
    isReady: (restarted) => isWell(restarted),
  },
];

for (const { what, args, isReady } of ways)
  t.test(what, { skip: withoutPostgres }, async (t) => {
    const recorder = new Recorder();
    const { nodes } = await startCluster(t, {
      count: 3,
      recorder,
      settings: ['fsync=off'],
      args: (place) => [...asNode(place), '--shards', '8', '--grace', '20s', ...args],
    });
    await eventually(() => isReady(nodes[2]!, nodes), 'each has its part', 60_000);
    await recorder.watch(nodes[0]!);
    const asking = new OnceMore(nodes, recorder);
    const long: string[] = [];
    for (const [index, node] of nodes.entries()) {
      for (let i = 0; i < longJobs; i++) {
        const made = await recorder.create(nodes[i % nodes.length]!.api, recorder.job({ ms: longMs }));
        if (made?.status === 201) long.push(made.body.id);
      }
      const owned = (await seen(node)).node;
      t.equal(await node.end(), 0, `node ${index} ends in order`);
      const others = nodes.filter((each) => each !== node);
      const gone = (await seen(others[0]!)).nodes.find((each) => each.node === owned);
      t.equal(gone?.shards ?? 0, 0, 'it leaves nothing behind');
      await allWereGiven(t, others);
      await node.start();
      await eventually(() => isReady(node, nodes), 'it is ready again', 60_000);
    }
    await allWereGiven(t, nodes);
    await asking.end();
    await recorder.lastLook(nodes[0]!.api);
    t.same(asking.failed, [], 'no request fails that is sent twice');
    const { first, again } = asking.counts;
    t.ok(first > 100, `${first} requests were answered, ${again} were sent again`);
    t.equal(long.length, nodes.length * longJobs);

    const lines = recorder.lines();
    const verdict = check(lines);
    t.same(verdict.violations, [], report(verdict));
    const cutOff = foundOf(lines).filter(({ runs = [] }) => runs.some(({ outcome }) => outcome !== 'success'));
    t.same(
      cutOff
        .map(({ job, runs }) => ({ id: job.id, status: job.status, runs }))
        .filter(({ status }) => status !== 'cancelled'),
      [],
      'no attempt was cut off, and none failed',
    );
    t.ok(verdict.counts.attempts > long.length, `${verdict.counts.attempts} attempts`);
    t.ok(latest(lines) <= latestStartMs, `the latest began ${latest(lines).toFixed(0)} ms after it was due`);
    for (const { server } of nodes) t.notMatch(server.output(), /no other node has taken/);
  });
