/** A failover loses what was acknowledged, and with it that shards have changed hands. */
import t from 'tap';
import { withoutStandby } from '../../support/postgres.js';
import { allWork } from '../support/failover.js';
import type { ClusterNode } from '../support/nodes.js';
import { lagging } from './lagging.js';

t.setTimeout(290_000);

t.test('shards have changed hands meanwhile', { skip: withoutStandby }, (t) =>
  lagging(t, async (nodes) => {
    const [first] = nodes as [ClusterNode];
    await first.kill();
    await first.start();
    await allWork(nodes);
  }),
);
