/** What people do with the dashboard: look, find, act, by mouse and by keyboard; and what it does when the server is gone. */
import t from 'tap';
import { hasChromium, openPage, type Page, picture } from '../support/browser.js';
import { eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import { api, checkAccess, emptyServer, fill } from './ground.js';

t.setTimeout(300_000);

/** Waits for so many rows of a list. (A page with this policy lets no text be evaluated while it waits itself.) */
const shows = (page: Page, rows: number): Promise<unknown> =>
  eventually(async () => (await page.locator('[data-row]').count()) === rows, `the list has not ${rows} rows`);

const skipped = hasChromium ? {} : without('chromium is not there');

t.test('the token is asked for once, and a read token gets no buttons', skipped, async (t) => {
  const server = await emptyServer({ env: { ESCAPEMENT_TOKEN: 'full', ESCAPEMENT_READ_TOKEN: 'look' } });
  const { ids } = await fill(server, 'full');
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/jobs/${ids.later}`);
  const field = page.getByLabel('Token');
  await field.fill('wrong');
  await field.press('Enter');
  await page.getByText('does not know this token').waitFor();
  await picture(page, 'token');
  await checkAccess(t, page, 'token');
  await field.fill('look');
  await field.press('Enter');
  await page.getByText('read only').first().waitFor();
  await page.getByText('Payload').first().waitFor();
  for (const name of ['Run now', 'Pause', 'Edit', 'Cancel'])
    t.equal(await page.getByRole('button', { name }).count(), 0, name);
  t.equal(await page.getByRole('link', { name: 'New job' }).count(), 0);
  t.equal(await page.evaluate('sessionStorage.length + localStorage.length'), 1, 'the token, as long as the tab');
  await page.getByRole('button', { name: 'Forget token' }).click();
  await page.getByLabel('Token').fill('full');
  await page.getByLabel('Token').press('Enter');
  await page.getByRole('button', { name: 'Run now' }).waitFor();
  await page.goto(`${server.url}/#/jobs`);
  await page.locator('[data-row]').first().waitFor();
  t.equal(await page.getByLabel('Token').count(), 0);
  t.same(
    faults.filter((fault) => !/401/.test(fault)),
    [],
    'nothing but the refused token',
  );
});

t.test('acting on a job', skipped, async (t) => {
  const { server, ids } = await fill(await emptyServer());
  const { page, faults } = await openPage();
  const statusOf = async (id: string) => (await api<{ status: string }>(server, 'GET', `/jobs/${id}`)).status;
  await page.goto(`${server.url}/#/jobs/${ids.later}`);
  await page.getByRole('button', { name: 'Pause' }).first().click();
  await page.getByLabel('Reason (optional)').fill('for the test');
  await page.locator('dialog button[type=submit]').click();
  await page.getByText('Paused: for the test').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Retries at most').fill('7');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('0 of 7').waitFor();
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.locator('h1 >> text=success').waitFor();
  await page.goto(`${server.url}/#/jobs/${ids.running}`);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByText('Its run is told to stop').waitFor();
  await page.locator('dialog button[type=submit]').click();
  await page.locator('h1 >> text=cancelled').waitFor();
  t.equal(await statusOf(ids.running), 'cancelled');
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.locator('dialog button[type=submit]').click();
  await page.locator('h1 >> text=Jobs').waitFor();
  t.same(
    faults.filter((fault) => !/404/.test(fault)),
    [],
  );
});

t.test('a job is made from the schema of its type, and a refusal says what is wrong', skipped, async (t) => {
  const server = await emptyServer();
  const { page } = await openPage();
  await page.goto(`${server.url}/#/new?name=pay`);
  await page.getByLabel(/^order/).fill('B-7');
  await page.getByLabel(/^kind/).selectOption('1');
  t.match(await page.locator('.shell').first().innerText(), /"payload":\{"order":"B-7","kind":"bank"\}/);
  await page.getByLabel('Timeout').fill('soon');
  await page.getByRole('button', { name: 'Make the job' }).click();
  await page.getByText(/^timeout: /).waitFor();
  await page.getByLabel('Timeout').fill('1m');
  await page.getByRole('button', { name: 'Make the job' }).click();
  await page.locator('h1 >> text=success').waitFor();
  const { items } = await api<{ items: { name: string }[] }>(server, 'GET', '/jobs');
  t.equal(items.length, 1);
});

t.test('finding by filters in the address, by tabs and by keyboard', skipped, async (t) => {
  const { server, ids } = await fill(await emptyServer());
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/jobs?tag=vip&name=pay`);
  await page.locator('[data-row]').first().waitFor();
  t.equal(await page.locator('[data-row]').count(), 1);
  await page.getByRole('button', { name: 'Without tag' }).click();
  await shows(page, 5);
  t.match(page.url(), /#\/jobs\?name=pay$/);
  await page.getByRole('button', { name: 'Without type' }).click();
  await page.locator('nav.tabs >> text=failed').click();
  await shows(page, 3);
  await eventually(
    async () => /failed\s*3/.test(await page.locator('nav.tabs a[aria-current]').innerText()),
    'the tab does not say that there are 3',
  );
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  t.equal(
    await page.evaluate(
      '[...document.querySelectorAll("[data-row]")].indexOf(document.activeElement.closest("[data-row]"))',
    ),
    0,
  );
  await page.keyboard.press('Enter');
  await page.locator('h1 >> text=broken').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await page.locator('[data-search]').waitFor();
  await page.keyboard.press('/');
  await eventually(
    async () => (await page.evaluate('document.activeElement.type')) === 'search',
    'the slash does not lead to the search',
  );
  await page.locator('[data-search]').fill(ids.cron);
  await page.locator('[data-search]').press('Enter');
  await page.locator('h1 >> text=pay').waitFor();
  await page.keyboard.press('?');
  await page.getByText('next row, previous row').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('next row, previous row').waitFor({ state: 'hidden' });
  t.same(faults, []);
});

t.test('lists are live, thousands are scrolled through, and few of them are there', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/jobs`);
  await page.getByText('No jobs yet').waitFor();
  const batch = Array.from({ length: 3000 }, (_, n) => ({ name: 'pay', delay: '1h', payload: { order: `${n}` } }));
  await api(server, 'POST', '/jobs/batch', batch);
  await page.locator('[data-row]').first().waitFor();
  await page.locator('nav.tabs >> text=3,000').first().waitFor();
  await page.evaluate('scrollTo(0, document.body.scrollHeight)');
  await page.locator('[aria-rowindex="3001"]').waitFor();
  t.ok((await page.locator('[data-row]').count()) < 100);
  t.same(faults, []);
});

t.test('all that match are acted on at once, after their number was shown', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  const batch = Array.from({ length: 120 }, (_, n) => ({ name: 'pay', delay: '1h', payload: { order: `${n}` } }));
  await api(server, 'POST', '/jobs/batch', batch);
  await page.goto(`${server.url}/#/jobs?status=pending&name=pay`);
  await page.locator('[data-row]').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByText('1 selected').waitFor();
  await page.getByRole('button', { name: 'Select all 120 that match' }).click();
  await picture(page, 'selected');
  await checkAccess(t, page, 'selected');
  await page.locator('.selection >> text=Cancel').click();
  await page.getByText('Cancel 120 jobs?').waitFor();
  await picture(page, 'question');
  await page.locator('dialog button[type=submit]').click();
  await page.getByText('Cancel: 120 done.').waitFor();
  await page.getByText('No job matches').waitFor();
  const { total } = await api<{ total: number }>(server, 'GET', '/jobs?status=cancelled');
  t.equal(total, 120);
  t.same(faults, []);
});

t.test('progress and log of a job come as they happen', skipped, async (t) => {
  const talk = `export default async (_, ctx) => {
  ctx.log.info('begun', { part: 1 });
  ctx.progress(40);
  await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
};`;
  const server = await emptyServer({ handlers: { talk } });
  const { page, faults } = await openPage();
  const { id } = await api<{ id: string }>(server, 'POST', '/jobs', { name: 'talk', delay: '0s', payload: {} });
  await page.goto(`${server.url}/#/jobs/${id}`);
  await page.getByText('40%').waitFor();
  await page.locator('.log >> text=begun').waitFor();
  await picture(page, 'talking');
  await checkAccess(t, page, 'talking');
  t.same(faults, []);
});

t.test('failures are retried together', skipped, async (t) => {
  const { server } = await fill(await emptyServer());
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/failures`);
  await page.getByRole('button', { name: 'Remove all' }).first().click();
  await page.getByText('Remove 2 jobs?').waitFor();
  await page.locator('dialog button[type=submit]').click();
  await page.getByText('Remove: 2 done.').waitFor();
  await shows(page, 1);
  t.same(faults, []);
});

t.test('the limits of a type are changed', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/types/hold`);
  await page.getByRole('button', { name: 'Limits' }).click();
  await page.getByLabel(/^Rate/).fill('100/1m');
  await page.getByRole('button', { name: 'Save' }).click();
  const typeNow = () => api<{ rate: string | null; concurrency: number }>(server, 'GET', '/job-types/hold');
  await eventually(async () => (await typeNow()).rate === '100/1m', 'the rate does not reach the server');
  t.equal((await typeNow()).concurrency, 1, 'what was not changed stays');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('dialog button[type=submit]').click();
  await page.getByText('Nothing of this type starts').waitFor();
  t.same(faults, []);
});

t.test('events come as they happen, and holding loses none', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  await page.goto(`${server.url}/#/events?event=job.completed`);
  await page.getByText('Waiting for events').waitFor();
  await page.getByText('Live').waitFor();
  const make = (order: string) => api(server, 'POST', '/jobs?', { name: 'pay', delay: '0s', payload: { order } });
  await make('1');
  await page.getByText('1 since this was opened').waitFor();
  await page.getByRole('button', { name: 'Hold' }).click();
  await make('2');
  await make('3');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('3 since this was opened').waitFor();
  t.equal(await page.locator('.tail-line').count(), 3);
  t.same(faults, []);
});

t.test('of too many events a few are shown, the others are counted, and none is forgotten', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  const batch = (number: number): Promise<unknown> =>
    api(
      server,
      'POST',
      '/jobs/batch',
      Array.from({ length: number }, (_, n) => ({ name: 'pay', delay: '1h', payload: { order: `${n}` } })),
    );
  /** Events that were taken, and left out. */
  const counts = async (): Promise<readonly [taken: number, leftOut: number]> => {
    const text = (await page.locator('.tail-counts').innerText()).replaceAll(',', '');
    return [Number(/(\d+) since/.exec(text)?.[1]), Number(/(\d+) left out/.exec(text)?.[1] ?? 0)];
  };
  await page.goto(`${server.url}/#/events`);
  await page.getByText('Waiting for events').waitFor();
  await page.getByText('Live').waitFor();
  await batch(10_000);
  await eventually(async () => {
    const [taken, leftOut] = await counts();
    return taken + leftOut === 10_000;
  }, 'not every event is accounted for');
  t.ok((await counts())[1] > 0, 'some were left out');
  t.ok((await page.locator('.tail-line').count()) < 100, 'few are drawn');
  await picture(page, 'events-many');
  await checkAccess(t, page, 'events-many');
  await page.getByText('a few of each second').waitFor({ state: 'hidden' });
  const [taken, leftOut] = await counts();
  await page.getByRole('button', { name: 'Hold' }).click();
  await batch(3000);
  await page.getByText('held, 3,000 more came').waitFor();
  await page.getByRole('button', { name: 'Go on' }).click();
  await eventually(async () => (await counts())[0] === taken + 3000, 'not all that came meanwhile comes');
  t.equal((await counts())[1], leftOut, 'nothing more is left out');
  await page.evaluate('scrollTo(0, 2000)');
  await page.locator('.tail-line[aria-posinset="1"]').waitFor({ state: 'detached' });
  await api(server, 'POST', '/jobs', { name: 'pay', delay: '1h', payload: { order: 'last' } });
  await page.getByRole('button', { name: '1 newer' }).click();
  await page.getByText('1 newer').waitFor({ state: 'hidden' });
  t.same(faults, []);
});

t.test('a lost connection is shown, and goes on', skipped, async (t) => {
  // Not one of those that the system gives to connections: the page's tries would meet themselves there.
  const port = 20_000 + (process.pid % 10_000);
  const server = await emptyServer({ args: ['--port', String(port)] });
  const { page } = await openPage();
  await page.goto(`${server.url}/#/`);
  await page.getByText('Live').waitFor();
  await server.kill();
  await page.getByText('The connection to the server is lost').waitFor();
  await picture(page, 'lost');
  await checkAccess(t, page, 'lost');
  await server.restart();
  await page.getByText('The connection to the server is lost').waitFor({ state: 'hidden' });
  await page.getByText('Live').waitFor();
});

t.test('charts are drawn of what happened, with gaps and over powers of ten', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  const items = Array.from({ length: 60 }, (_, n) => ({
    ...{ at: new Date(Date.now() - (80 - n) * 10_000).toISOString(), created: n, started: n * 20, succeeded: n * 18 },
    ...{
      failed: n % 7,
      pending: 5,
      running: 1,
      lateness_p50_ms: n % 9 === 0 ? null : 0.4,
      lateness_p99_ms: 10 ** (n % 6),
    },
  })).filter((_, n) => n < 20 || n > 30);
  await page.route('**/history?*', (route) => route.fulfill({ json: { step: '10s', items } }));
  await page.goto(`${server.url}/`);
  await page.locator('.chart canvas').first().waitFor();
  await page.locator('.chart-legend >> text=118').first().waitFor();
  await picture(page, 'charts');
  await page.getByRole('button', { name: '7 days' }).click();
  // The same number, of five minutes.
  await page.locator('.chart-legend >> text=3.9').first().waitFor();
  t.equal(await page.locator('.chart canvas').count(), 2);
  const bright = `(() => {
    const drawn = document.querySelector('.chart canvas');
    // It is drawn anew, by a canvas of its own.
    if (drawn === null) return undefined;
    const { width, height } = drawn;
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(drawn, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      if (data[at + 3] === 255 && Math.min(data[at], data[at + 1], data[at + 2]) > 200) count++;
    return count;
  })()`;
  const isLight = async (): Promise<boolean> => ((await page.evaluate<number | undefined>(bright)) ?? 0) > 0;
  await eventually(isLight, 'its lines are not light in light colours');
  await page.emulateMedia({ colorScheme: 'dark' });
  await eventually(
    async () => (await page.evaluate(bright)) === 0,
    'they are still so when the system has turned to dark ones',
  );
  t.same(faults, []);
});

t.test('the first picture comes soon', skipped, async (t) => {
  const { server } = await fill(await emptyServer());
  const { page } = await openPage();
  await page.goto(`${server.url}/`);
  await page.getByText('Latest failures').waitFor();
  await page.goto('about:blank');
  await page.goto(`${server.url}/`);
  await page.getByText('Latest failures').waitFor();
  const paint = await page.evaluate<number>('performance.getEntriesByName("first-contentful-paint")[0].startTime');
  t.comment(`first contentful paint after ${Math.round(paint)} ms`);
  t.ok(paint > 0);
});
