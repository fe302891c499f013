/** `GET /cluster`, and how the client and the command line show it. */
import t from 'tap';
import { Escapement } from '../../src/client/client.js';
import { type ClusterView, type ShardView, withProgress } from '../../src/server/overview/cluster.js';
import { runCli } from '../support/server.js';
import { serve } from './fixture.js';

const [one, two] = ['1'.repeat(32), '2'.repeat(32)];
const view: ClusterView = {
  node: one!,
  nodes: [
    { node: one!, address: 'http://10.0.0.1:8080', state: 'live', beatAgeMs: 412.3, clockOffsetMs: -3.2 },
    { node: two!, address: 'http://10.0.0.2:8080', state: 'dead' },
  ],
  shards: [
    { shard: 0, owner: one!, epoch: 4, appended: 90_412, applied: 90_412, merged: 90_377, loadMs: 61_000 },
    { shard: 1, owner: null, epoch: 2, merged: 12, givenUp: [{ node: one!, reason: 'log record 12 is damaged' }] },
    { shard: 2, owner: '3'.repeat(32), epoch: 7, merged: 5, givenUp: [] },
  ],
};

t.test('a server that is no cluster says so', async (t) => {
  const { api, port } = await serve();
  const { status, body } = await api.get('/cluster');
  t.equal(status, 404);
  t.match(body, { code: 'not_found', detail: /in a directory of its own/ });
  t.notMatch((await api.get('')).text, 'cluster', 'the index does not name it');
  const url = `http://127.0.0.1:${port}`;
  await t.rejects(new Escapement({ url }).cluster(), { code: 'not_found', status: 404 });
  const asked = await runCli(['cluster', '--url', url]);
  t.equal(asked.code, 1);
  t.match(asked.stderr, /in a directory of its own: it is no cluster\.\n$/);
});

t.test('a node shows the cluster as it sees it, without what it does not know', async (t) => {
  const { api, port } = await serve({}, { cluster: () => view });
  const { status, body } = await api.get('/cluster');
  t.equal(status, 200);
  t.match((await api.get('')).body, { links: { cluster: '/api/v1/cluster' } });
  t.same(body, {
    node: one,
    nodes: [
      { node: one, address: 'http://10.0.0.1:8080', state: 'live', beat_age_ms: 412, clock_offset_ms: -3, shards: 1 },
      { node: two, address: 'http://10.0.0.2:8080', state: 'dead', shards: 0 },
    ],
    shards: [
      { shard: 0, owner: one, epoch: 4, appended: 90_412, applied: 90_412, merged: 90_377, load_ms: 61_000 },
      { shard: 1, owner: null, epoch: 2, merged: 12, given_up: [{ node: one, reason: 'log record 12 is damaged' }] },
      { shard: 2, owner: '3'.repeat(32), epoch: 7, merged: 5 },
    ],
  });
  const url = `http://127.0.0.1:${port}`;
  t.same(await new Escapement({ url }).cluster(), body);
  t.same(JSON.parse((await runCli(['cluster', '--json', '--url', url])).stdout), body);
});

t.test('how far a shard has come is what its owner says, or who has it by now', async (t) => {
  const [first, second, third] = view.shards as [ShardView, ShardView, ShardView];
  const said = [
    { ...first, appended: 90_500, epoch: 3 },
    { ...second, owner: two!, appended: 20, applied: 19, epoch: 3 },
    { ...third, appended: 8, applied: 8 },
  ];
  t.same(withProgress(view, said).shards, [first, said[1], said[2]]);
  t.same(withProgress(view, []), view);
});

t.test('the command line shows it in two tables', async (t) => {
  const { port } = await serve({}, { cluster: () => view });
  const { stdout, code } = await runCli(['cluster', '--url', `http://127.0.0.1:${port}`]);
  t.equal(code, 0);
  t.same(stdout.split('\n'), [
    'node       address               state   last beat  clock  shards',
    '11111111*  http://10.0.0.1:8080  live   412 ms ago  -3 ms       1',
    '22222222   http://10.0.0.2:8080  dead                           0',
    '',
    'shard  owner                 epoch  appended  to apply  to merge  loads in',
    '0      http://10.0.0.1:8080      4    90,412         0        35      1m1s',
    '1      (nobody)                  2',
    '2      33333333                  7',
    '',
    'shard 1 could not be run by http://10.0.0.1:8080: log record 12 is damaged',
    '',
  ]);
});
