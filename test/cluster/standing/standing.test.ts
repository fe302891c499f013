/** What `/health` of a node says, and what refusals say where its jobs cannot be stored: true also where no disk is at fault. */
import t from 'tap';
import { problemBody } from '../../../src/api/problem.js';
import { standing, withStanding } from '../../../src/cluster/standing/standing.js';
import { type ModeName, modes, storageUnavailable } from '../../../src/scheduler/modes.js';

t.test('where PostgreSQL refuses writes, the node does not speak of its disk', async (t) => {
  const said = withStanding({ ...modes.blocked.health!, paused: true as const }, modes.blocked, undefined);
  t.match(said, { status: 'degraded', reason: /^PostgreSQL takes no writes: its log says why/, paused: true });
  const away = withStanding(modes.blocked.health!, modes.blocked, 'this node has no lease');
  t.same(away, { status: 'degraded', reason: 'this node has no lease' }, 'what says more is said');
});

t.test('other reasons stay, and what keeps the node from its part comes behind them', async (t) => {
  const well = { status: 'healthy' } as const;
  const stuck = { status: 'degraded', reason: 'native code holds a thread' } as const;
  t.same(withStanding(well, modes.open, undefined), well);
  t.same(withStanding(well, modes.open, 'no owner'), { status: 'degraded', reason: 'no owner' });
  t.same(withStanding(stuck, modes.open, 'no owner'), stuck);
});

t.test('title and detail of storage_unavailable name no disk', async (t) => {
  const names: ModeName[] = ['blocked', 'giving', 'without_shards'];
  for (const refusal of [storageUnavailable, ...names.map((name) => modes[name].refusal!)]) {
    const { title, detail } = JSON.parse(problemBody(refusal)) as { title: string; detail: string };
    t.equal(title, 'The storage of the jobs is not available');
    t.notMatch(detail, /disk/);
  }
});

t.test('a shard that was given up is named, with the reason; what nobody runs first', async (t) => {
  const well = { hasLease: true, addressProblem: undefined, clockOffset: 0, idleShards: 0 };
  const here = { shard: 3, isIdle: false, isHere: true, address: 'http://a', reason: 'log record 7 is damaged' };
  const there = { ...here, shard: 5, isIdle: true, isHere: false, address: 'http://b' };
  t.equal(
    standing({ ...well, givenUp: [here] }),
    'this node could not run shard 3: log record 7 is damaged. Another node runs it',
  );
  t.equal(
    standing({ ...well, idleShards: 1, givenUp: [here, there] }),
    'the node at http://b could not run shard 5: log record 7 is damaged. Nobody runs it: its jobs wait, and it is tried again',
  );
  t.equal(standing({ ...well, givenUp: [{ ...there, isIdle: false }] }), undefined, 'where it runs all is well');
  t.match(standing({ ...well, hasLease: false, givenUp: [there] }), /no lease/);
});
