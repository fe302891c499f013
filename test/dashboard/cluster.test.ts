/** The screen of the cluster: nodes and shards, and no such screen where the server is by itself. */
import t from 'tap';
import { asNode } from '../cluster/support/cluster.js';
import { startNodes } from '../cluster/support/nodes.js';
import { hasChromium, openPage, picture } from '../support/browser.js';
import { eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import { startPostgres, withoutPostgres } from '../support/postgres.js';
import { checkAccess, checkNarrow, emptyServer } from './ground.js';

t.setTimeout(300_000);

const skipped = hasChromium ? { skip: withoutPostgres } : without('chromium is not there');

t.test('a node shows its cluster', skipped, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const [node] = await startNodes({ count: 1, database: await postgres.fresh(), args: asNode });
  await eventually(async () => (await node!.api.get('/health')).status === 200, 'all shards are run', 30_000);
  const { page, faults } = await openPage();
  await page.goto(`http://127.0.0.1:${node!.port}/#/`);
  await page.locator('nav >> text=Cluster').first().waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  const rows = page.locator('table >> nth=1 >> tbody tr');
  await page.locator('table >> nth=1 >> tbody tr >> nth=15').waitFor();
  t.equal(await rows.count(), 16, 'each shard has a row');
  await picture(page, 'cluster');
  await checkNarrow(t, page, 'cluster');
  await checkAccess(t, page, 'cluster');
  // Three of them, of which one has died and left a shard that nobody has yet.
  const { body } = await node!.api.get<{ nodes: object[]; shards: object[] }>('/cluster');
  const [one] = body.nodes;
  const nodes = [
    { ...one, shards: 8 },
    { ...one, node: 'bbbbbbbb', address: 'http://10.0.0.2:8080', shards: 7, beat_age_ms: 1200, clock_offset_ms: -3 },
    { ...one, node: 'cccccccc', address: 'http://10.0.0.3:8080', shards: 0, beat_age_ms: 9000, state: 'dead' },
  ];
  const shards = body.shards.map((shard, at) => {
    if (at === 3) return { ...shard, owner: null };
    return at < 9 ? shard : { ...shard, owner: 'bbbbbbbb', appended: 1_234_567, applied: 1_234_000, merged: 1_200_000 };
  });
  await page.route('**/api/v1/cluster', (route) => route.fulfill({ json: { ...body, nodes, shards } }));
  await page.getByText('nobody: its jobs wait').waitFor();
  t.equal(await page.locator('table >> nth=1 >> text=10.0.0.2:8080').count(), 7, 'owners are shown by their addresses');
  await picture(page, 'cluster-dead');
  await checkNarrow(t, page, 'cluster-dead');
  await checkAccess(t, page, 'cluster-dead');
  t.same(faults, []);
});

t.test('a server by itself names no cluster', skipped, async (t) => {
  const server = await emptyServer();
  const { page } = await openPage();
  await page.goto(`${server.url}/#/`);
  await page.locator('nav >> text=System').first().waitFor();
  t.equal(await page.locator('nav >> text=Cluster').count(), 0);
});
