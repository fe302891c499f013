/** Whoever has no mouse: very many jobs are found, selected, asked about and acted on by keys alone. */
import t from 'tap';
import { hasChromium, openPage, type Page } from '../support/browser.js';
import { without } from '../support/faults.js';
import { api, emptyServer } from './ground.js';

t.setTimeout(300_000);

const skipped = hasChromium ? {} : without('chromium is not there');
const focused = 'document.activeElement?.innerText?.trim() ?? ""';
const fewSteps = 12;

/** Goes on to what says so. It may not be far away. */
async function tabTo(page: Page, text: string): Promise<void> {
  const passed: string[] = [];
  while (passed.length < fewSteps) {
    const at = await page.evaluate<string>(focused);
    if (at === text) return;
    passed.push(at);
    await page.keyboard.press('Tab');
  }
  throw new Error(`${text} is not near: ${passed.join(' > ')}`);
}

t.test('all that match are selected and cancelled', skipped, async (t) => {
  const server = await emptyServer();
  const number = 3000;
  const { page, faults } = await openPage();
  const jobs = Array.from({ length: number }, (_, n) => ({ name: 'pay', delay: '1h', payload: { order: `${n}` } }));
  await api(server, 'POST', '/jobs/batch', jobs);
  await page.goto(`${server.url}/#/jobs?status=pending`);
  await page.locator('[data-row]').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByText('1 selected').waitFor();
  await page.getByText('Select all 3,000 that match').waitFor();
  await page.keyboard.press('a');
  await tabTo(page, 'Select all 3,000 that match');
  await page.keyboard.press('Enter');
  await page.getByText('All 3,000 that match').waitFor();
  await tabTo(page, 'Cancel');
  await page.keyboard.press('Enter');
  await page.getByText('Cancel 3,000 jobs?').waitFor();
  await tabTo(page, 'Cancel 3,000');
  await page.keyboard.press('Enter');
  await page.getByText('Cancel: 3,000 done.').waitFor();
  const { total } = await api<{ total: number }>(server, 'GET', '/jobs?status=cancelled');
  t.equal(total, number);
  t.same(faults, []);
});

t.test('each screen has its keys, and those that do nothing here are not named', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/`);
  await page.locator('h1 >> text=Overview').waitFor();
  for (const [key, name] of [
    ['j', 'Jobs'],
    ['s', 'Schedules'],
    ['t', 'Types'],
    ['f', 'Failures'],
    ['e', 'Events'],
    ['y', 'System'],
    ['o', 'Overview'],
  ] as const) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await page.locator(`h1 >> text=${name}`).waitFor();
  }
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.keyboard.press('?');
  await page.getByText('act on what is selected').waitFor();
  t.equal(await page.locator('.keys >> text=Cluster').count(), 0, 'this server has no nodes');
  t.match(page.url(), /#\/$/);
  t.same(faults, []);
});
