/** A shard that is followed until it comes. */
import t from 'tap';
import { Following } from '../../../src/cluster/moves/following.js';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import { InlineIndex } from '../../support/inline-index.js';
import { world } from '../support/host.js';

t.test('a shard that comes is opened at once, in the middle of a pause, and so it is let go', async (t) => {
  const { first, second, fake, until, settled } = world(t);
  await settled(first.host.open(first.take(0)));
  const ports = {
    database: fake.of('second'),
    makeIndex: () => new InlineIndex(1),
    // It ends with the test at the earliest.
    pause: () => new Promise<void>(() => {}),
  };
  const kept = Following.begin(ports, 0);
  const left = Following.begin(ports, 0);
  await settled(Promise.all([kept.ready, left.ready]));
  const asked = first.create();
  await until('a job is made', () => asked.answer !== undefined);
  const given: ShardRow = second.take(0);
  const { loaded } = await settled(kept.following.finish(given));
  t.equal(loaded.last.position, fake.tables.recordsAfter(0, 0, 1000).length, 'all that was written is there');
  t.ok(loaded.last.position > 0);
  await settled(left.following.end());
  t.pass('it has ended');
});
