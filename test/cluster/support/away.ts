/** A client that was away while events were lost, and comes back. */
import type { Test } from 'tap';
import { eventually } from '../../support/client.js';
import { Subscriber } from '../../support/ws.js';
import type { ClusterNode } from './nodes.js';

/** How far a client has heard that is there now, by shard. */
export async function placeNow(node: ClusterNode): Promise<string> {
  const subscriber = await Subscriber.connect(node);
  const { cursor } = (await subscriber.subscribe()) as unknown as { cursor: string };
  await subscriber.close();
  return cursor;
}

const seqsOf = (cursor: string): number[] => cursor.split('.').map((part) => Number(part.split('-')[1]));

/** A client that was away meanwhile comes back once each shard has had more events than it has heard. */
export async function isToldWhenBack(t: Test, nodes: readonly ClusterNode[], away: string): Promise<void> {
  const heard = seqsOf(away);
  const hasGrown = async (): Promise<boolean> => {
    for (let n = 0; n < 16; n++)
      for (const { api } of nodes) await api.create({ name: 'echo', delay: '0s', payload: {} });
    return seqsOf(await placeNow(nodes[0]!)).every((seq, shard) => seq > heard[shard]!);
  };
  await eventually(hasGrown, 'each shard has had more events than were heard', 60_000);
  for (const node of nodes) {
    const back = await Subscriber.connect(node);
    back.send({ action: 'subscribe', since: away });
    const gap = (await back.waitFor(({ type }) => type === 'gap', 'a gap')) as unknown as {
      shard: number;
      cursor: string;
    };
    await back.close();
    const timelines = [away, gap.cursor].map((cursor) => cursor.split('.')[gap.shard]!.split('-')[0]);
    t.not(timelines[0], timelines[1], 'where to resume is of another timeline');
  }
}
