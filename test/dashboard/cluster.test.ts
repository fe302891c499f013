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
  await page.locator('nav >> text=Cluster').first().click();
  await page.locator('text=live').first().waitFor();
  t.equal(await page.locator('table >> nth=1 >> tbody tr').count(), 16, 'each shard has a row');
  await picture(page, 'cluster');
  await checkNarrow(t, page, 'cluster');
  await checkAccess(t, page, 'cluster');
  t.same(faults, []);
});

t.test('a server by itself names no cluster', skipped, async (t) => {
  const server = await emptyServer();
  const { page } = await openPage();
  await page.goto(`${server.url}/#/`);
  await page.locator('nav >> text=System').first().waitFor();
  t.equal(await page.locator('nav >> text=Cluster').count(), 0);
});
