/** What `/health` of a node says, and what refusals say where its jobs cannot be stored: true also where no disk is at fault. */
import t from 'tap';
import { problemBody } from '../../../src/api/problem.js';
import { withStanding } from '../../../src/cluster/standing/standing.js';
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
