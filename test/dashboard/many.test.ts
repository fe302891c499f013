/** The night in which very many jobs have failed, and lists of very many: what is looked for is found and acted on, and little is drawn. */
import t from 'tap';
import { hasChromium, openPage, picture } from '../support/browser.js';
import { eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import type { Server } from '../support/server.js';
import { api, checkAccess, checkNarrow, emptyServer } from './ground.js';

t.setTimeout(300_000);

const skipped = hasChromium ? {} : without('chromium is not there');
const types = 40;
const failures = 4000;
const messages = ['no answer from 10.0.0.1', 'quota exceeded', 'unexpected end of JSON input', 'connection refused'];

const typeName = (number: number): string => `type_${String(number).padStart(3, '0')}`;
const source = `export const options = { max_retries: 0 };
export default async ({ message }) => { throw new Error(message); };`;

/** Many types, of which one has most of the failures; groups and tags. */
async function night(): Promise<Server> {
  const handlers = Object.fromEntries(Array.from({ length: types }, (_, at) => [typeName(at), source]));
  const server = await emptyServer({ handlers });
  const jobs = Array.from({ length: failures }, (_, at) => ({
    name: typeName(at % 2 === 0 ? 7 : at % types),
    delay: '0s',
    group: `customer-${at % 500}`,
    tags: [at % 4 === 0 ? 'eu' : 'us', `part-${at % 10}`],
    payload: { message: messages[Math.floor(at / 2) % messages.length], number: at },
  }));
  await api(server, 'POST', '/jobs/batch', jobs);
  const failed = () => api<{ failed: number }>(server, 'GET', '/stats').then((stats) => stats.failed);
  await eventually(async () => (await failed()) === failures, 'not all jobs fail');
  return server;
}

t.test('the night with thousands of failures', skipped, async (t) => {
  const server = await night();
  const { page, faults } = await openPage();
  const rows = () => page.locator('[data-row]').count();

  await page.goto(`${server.url}/#/failures`);
  await page.getByText('500').first().waitFor();
  await page.getByRole('button', { name: 'Retry all' }).first().waitFor();
  await picture(page, 'night-failures');
  await checkNarrow(t, page, 'night-failures');
  await checkAccess(t, page, 'night-failures');
  await page.getByLabel('Type').selectOption(typeName(7));
  await eventually(async () => (await rows()) === messages.length, 'the failures of one type are not by message');

  // Every filter narrows what the others leave.
  const filters = `status=failed&name=${typeName(7)}&tag=eu&group=customer-100&created_after=2020-01-01T00%3A00%3A00Z&created_before=2120-01-01T00%3A00%3A00Z`;
  await page.goto(`${server.url}/#/jobs?${filters}`);
  await eventually(async () => (await rows()) === failures / 500, 'the filters together do not leave eight jobs');
  await page.getByRole('button', { name: 'Filters' }).click();
  t.equal(
    await page.getByRole('textbox', { name: 'group' }).inputValue(),
    'customer-100',
    'the fields show what the address says',
  );
  await picture(page, 'night-filters');
  await checkNarrow(t, page, 'night-filters');
  await checkAccess(t, page, 'night-filters');
  await page.getByRole('button', { name: 'Without group' }).click();
  await page.locator('nav.tabs a[aria-current] >> text=1,000').waitFor();
  await page.goto(`${server.url}/#/jobs?${filters}&q=%22number%22%3A600%7D`);
  await eventually(async () => (await rows()) === 1, 'the text is not found among them');

  await page.goto(`${server.url}/#/types`);
  await page.getByLabel('Search types').waitFor();
  await page.keyboard.press('/');
  await page.getByLabel('Search types').fill('_01');
  await eventually(async () => (await rows()) === 10, 'the types are not narrowed down');
  t.same(faults, []);
});

t.test('many are retried with progress, and stopped', skipped, async (t) => {
  const server = await night();
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/failures?name=${typeName(7)}`);
  // How far it is, is told here: how long it takes is not for a test to say.
  let status = 'running';
  await page.route('**/api/v1/bulk/*', (route) => {
    if (route.request().method() === 'DELETE') status = 'cancelled';
    return route.fulfill({
      json: { id: 'bulk_1', action: 'retry', status, matched: 600, done: 100, skipped: 20, failed: 0 },
    });
  });
  await page.getByRole('button', { name: 'Retry all' }).first().click();
  await page.getByText('Retry 600 jobs?').waitFor();
  await page.locator('dialog button[type=submit]').click();
  await page.getByText('Retry: 120 of 600').waitFor();
  await picture(page, 'night-progress');
  await checkAccess(t, page, 'night-progress');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Retry: 100 done, 20 skipped, then stopped.').waitFor();
  await page.locator('.bulk-progress').waitFor({ state: 'hidden' });
  t.same(faults, []);
});

t.test('what is done with many is found after a reload, and followed over a lost connection', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  const bulk = { id: 'bulk_1', action: 'retry', status: 'running', matched: 600, done: 100, skipped: 0, failed: 0 };
  let isLost = true;
  let asked = 0;
  await page.route('**/api/v1/bulk?*', (route) => route.fulfill({ json: { total: 1, items: [bulk] } }));
  await page.route('**/api/v1/bulk/*', (route) => {
    asked += 1;
    return isLost ? route.abort() : route.fulfill({ json: { ...bulk, status: 'success', done: 600 } });
  });
  await page.goto(`${server.url}/#/failures`);
  await page.getByText('Retry: 100 of 600').waitFor();
  await eventually(() => asked >= 3, 'it is not asked again');
  t.equal(await page.getByText('Retry: 100 of 600').count(), 1, 'it is still there');
  isLost = false;
  await page.getByText('Retry: 600 done.').waitFor();
  await page.locator('.bulk-progress').waitFor({ state: 'hidden' });
  t.same(faults, []);
});

t.test('hundreds of types, and thousands of groups', skipped, async (t) => {
  const [others, groups] = [300, 10_000];
  const names = ['pay', ...Array.from({ length: others }, (_, at) => typeName(at))];
  const server = await emptyServer({ handlers: Object.fromEntries(names.map((name) => [name, source])) });
  const jobs = Array.from({ length: groups }, (_, at) => ({
    name: at < others ? typeName(at) : 'pay',
    delay: '1h',
    group: `customer-${at}`,
    payload: { order: `${at}` },
  }));
  await api(server, 'POST', '/jobs/batch', jobs);
  const { page, faults } = await openPage();
  const rows = () => page.locator('[data-row]').count();
  await page.goto(`${server.url}/#/types`);
  await eventually(async () => (await rows()) === 100, 'not the first hundred types are shown');
  await picture(page, 'many-types');
  await page.getByRole('button', { name: /^Show more of/ }).click();
  await eventually(async () => (await rows()) === others, 'not three hundred of them are');
  await page.goto(`${server.url}/#/types/pay`);
  await page.getByText('The 20 with most to run of 9,700').waitFor();
  await picture(page, 'many-groups');
  await checkNarrow(t, page, 'many-groups');
  await checkAccess(t, page, 'many-groups');
  t.same(faults, []);
});

t.test('schedules show how their last runs went, and no more than needed is asked for that', skipped, async (t) => {
  const server = await emptyServer();
  const number = 200;
  const schedules = Array.from({ length: number }, (_, at) => ({
    name: 'pay',
    cron_expr: '0 0 9 * * *',
    is_repeat: true,
    payload: { order: `${at}` },
  }));
  await api(server, 'POST', '/jobs/batch', schedules);
  const list = '/jobs?is_repeat=true&sort=due&limit=1';
  const { items } = await api<{ items: { id: string }[] }>(server, 'GET', list);
  const id = items[0]?.id;
  const runs = () => api<{ total: number }>(server, 'GET', `/jobs/${id}/runs`).then(({ total }) => total);
  for (let run = 1; run <= 3; run++) {
    await api(server, 'POST', `/jobs/${id}/run`);
    await eventually(async () => (await runs()) === run, 'it does not run');
    await eventually(
      async () => (await api<{ status: string }>(server, 'GET', `/jobs/${id}`)).status === 'pending',
      'its run does not end',
    );
  }
  const { page, faults } = await openPage();
  const asked: string[] = [];
  page.on('request', ((request: { url(): string }) => {
    if (/\/runs\?/.test(request.url())) asked.push(request.url());
  }) as never);
  await page.goto(`${server.url}/#/schedules`);
  await page.locator('.last-runs >> text=late').first().waitFor();
  await page.getByLabel('Durations of the last 3 runs').first().waitFor();
  await picture(page, 'schedules-runs');
  await checkNarrow(t, page, 'schedules-runs');
  await checkAccess(t, page, 'schedules-runs');
  t.equal(asked.length, 1, 'what has not run is not asked about');
  t.same(faults, []);
});
