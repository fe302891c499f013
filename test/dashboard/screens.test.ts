/** Each screen of the dashboard, with jobs in every state: it shows them, to everybody, on any screen, and takes no payload for markup. */
import t from 'tap';
import { hasChromium, openPage, picture } from '../support/browser.js';
import { without } from '../support/faults.js';
import { checkAccess, checkNarrow, emptyServer, fill } from './ground.js';

t.setTimeout(300_000);

const skipped = hasChromium ? {} : without('chromium is not there');

t.test('with jobs in every state', skipped, async (t) => {
  const { server, ids } = await fill(await emptyServer());
  const { page, faults } = await openPage();
  const screens: readonly (readonly [name: string, hash: string, shows: string])[] = [
    ['overview', '/', 'text=Latest failures'],
    ['jobs', '/jobs', '[data-row] >> text=cancelled'],
    ['jobs-failed', '/jobs?status=failed', '[data-row] >> text=failed'],
    ['job-done', `/jobs/${ids.done}`, 'text=Payload'],
    ['job-failed', `/jobs/${ids.failed}`, 'text=TypeError'],
    ['job-running', `/jobs/${ids.running}`, 'text=Running for'],
    ['job-waiting', `/jobs/${ids.waiting}`, 'text=not started'],
    ['job-paused', `/jobs/${ids.paused}`, 'text=the provider is down'],
    ['job-cron', `/jobs/${ids.cron}`, 'text=At 09:00'],
    ['schedules', '/schedules', 'text=Monday through Friday'],
    ['types', '/types', 'text=Takes a payment'],
    ['type', '/types/pay', 'text=Payload schema'],
    ['failures', '/failures', 'text=no answer from'],
    ['events', '/events', 'text=Waiting for events'],
    ['system', '/system', 'text=Options in force'],
    ['new', '/new', 'text=The same by a program'],
    ['new-cron', '/new?repeat=cron&name=broken', '.preview tbody tr'],
  ];
  for (const [name, hash, shows] of screens) {
    await page.goto(`${server.url}/#${hash}`);
    await page.locator(shows).first().waitFor();
    await picture(page, name);
    await checkNarrow(t, page, name);
    await checkAccess(t, page, name);
  }
  t.equal(await page.evaluate('window.hacked'), undefined, 'nothing of a payload has run');
  t.same(faults, [], 'nothing is wrong in the console, and nobody else is asked');
});

t.test('with nothing there yet', skipped, async (t) => {
  const server = await emptyServer();
  const { page, faults } = await openPage();
  for (const [name, hash, shows] of [
    ['empty-overview', '/', 'text=No jobs yet'],
    ['empty-jobs', '/jobs', 'text=curl -s'],
    ['empty-schedules', '/schedules', 'text=No schedules yet'],
    ['empty-failures', '/failures', 'text=Nothing has failed'],
    ['unknown', '/nowhere', 'text=Nothing here'],
  ] as const) {
    await page.goto(`${server.url}/#${hash}`);
    await page.locator(shows).first().waitFor();
    await picture(page, name);
    await checkNarrow(t, page, name);
    await checkAccess(t, page, name);
  }
  t.same(faults, []);
});
