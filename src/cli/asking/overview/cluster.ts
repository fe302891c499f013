/** What `escapement cluster` does. */
import type { Cluster, ClusterNode, ClusterShard } from '../../../client/overview.js';
import type { AskingOptions } from '../../option.js';
import { ask, show } from '../connection.js';
import { grouped, shortDuration, table } from '../text.js';

/** So much of an id tells nodes apart. */
const idChars = 8;

export function cluster(options: AskingOptions): Promise<void> {
  return ask(options, async (server) => show(await server.send<Cluster>('GET', '/cluster'), options.json, picture));
}

function picture({ node: answering, nodes, shards }: Cluster): string {
  const byNode = new Map(nodes.map((node) => [node.node, node]));
  const titles = ['node', 'address', 'state', 'last beat', 'clock', 'shards'];
  const nodeTable = table(
    titles,
    nodes.map((node) => nodeRow(node, node.node === answering)),
    { numbersFrom: 3 },
  );
  const shardTable = table(
    ['shard', 'owner', 'epoch', 'appended', 'to apply', 'to merge', 'loads in'],
    shards.map((shard) => shardRow(shard, byNode)),
    { numbersFrom: 2 },
  );
  const name = (id: string): string => byNode.get(id)?.address ?? id.slice(0, idChars);
  const givenUp = shards.flatMap(({ shard, given_up: all = [] }) =>
    all.map(({ node, reason }) => `shard ${shard} could not be run by ${name(node)}: ${reason}`),
  );
  return [nodeTable, shardTable, ...(givenUp.length > 0 ? [givenUp.join('\n')] : [])].join('\n\n');
}

/** The node that answers has a star. */
function nodeRow(
  { node, address, state, beat_age_ms: age, clock_offset_ms: offset, shards }: ClusterNode,
  answers: boolean,
): string[] {
  const id = node.slice(0, idChars) + (answers ? '*' : '');
  return [id, address, state, age === undefined ? '' : `${ms(age)} ago`, ms(offset), grouped(shards)];
}

function shardRow(
  { shard, owner, epoch, appended, applied, merged, load_ms: load }: ClusterShard,
  nodes: ReadonlyMap<string, ClusterNode>,
): string[] {
  const behind = (position: number | undefined): string =>
    appended === undefined || position === undefined ? '' : grouped(appended - position);
  return [
    String(shard),
    owner === null ? '(nobody)' : (nodes.get(owner)?.address ?? owner.slice(0, idChars)),
    grouped(epoch),
    appended === undefined ? '' : grouped(appended),
    behind(applied),
    behind(merged),
    load === undefined ? '' : shortDuration(load),
  ];
}

const ms = (value: number | undefined): string => (value === undefined ? '' : `${grouped(value)} ms`);
