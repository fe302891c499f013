/** A network that dies under the page, as that of a phone does: the page says so, and shows what is there when there is one again. */
import t from 'tap';
import { hasChromium, openPage } from '../support/browser.js';
import { eventually } from '../support/client.js';
import { deadNetworkTo } from '../support/dead-network.js';
import { without } from '../support/faults.js';
import { api, emptyServer } from './ground.js';

t.setTimeout(300_000);

const skipped = hasChromium ? {} : without('chromium is not there');

t.test('what was asked while the network was dead is asked again', skipped, async (t) => {
  const server = await emptyServer();
  const network = await deadNetworkTo(server.port);
  const { page } = await openPage();
  await page.goto(`http://127.0.0.1:${network.port}/#/jobs`);
  await page.getByText('Live').waitFor();
  await page.getByText('No jobs yet').waitFor();
  network.cut();
  const { id } = await api<{ id: string }>(server, 'POST', '/jobs', { name: 'broken', delay: '0s', payload: {} });
  await page.locator('nav.tabs >> text=failed').click();
  await page.getByText('The connection to the server is lost').waitFor();
  const before = network.swallowed;
  await eventually(() => network.swallowed > before, 'it does not try to connect again', 30_000);
  network.mend();
  // The try that was under way will never be answered.
  await page.getByText('The connection to the server is lost').waitFor({ state: 'hidden' });
  await page.getByText('Live').waitFor();
  await page.locator('[data-row] >> text=no answer from').waitFor();
  await page.locator('[data-row] a').first().click();
  await page.getByText(id).first().waitFor();
  t.match(page.url(), id);
});
