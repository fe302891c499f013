/** A server with jobs in every state, and what all tests of the dashboard ask of a screen. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Test } from 'tap';
import type { Page } from '../support/browser.js';
import { type Server, type ServerOptions, startServer } from '../support/server.js';

const handlers = {
  pay: `export const options = { description: 'Takes a payment', max_retries: 0 };
export const payload = { type: 'object', required: ['order'], additionalProperties: true, properties: { order: { type: 'string', description: 'Its number' }, amount: { type: 'number' }, kind: { enum: ['card', 'bank'] } } };
export default async ({ order }, ctx) => { ctx.log.info('paid', { order }); return { order, paid: true }; };`,
  broken: `export const options = { max_retries: 0 };
export default async ({ message }) => { throw new TypeError(message ?? 'no answer from 10.0.0.1'); };`,
  hold: `export const options = { concurrency: 1, max_retries: 0 };
export default (_, ctx) => new Promise((resolve, reject) => {
  const go = setInterval(() => {}, 1000);
  ctx.signal.addEventListener('abort', () => { clearInterval(go); reject(new Error('stopped')); });
});`,
  a_type_whose_name_is_as_long_as_names_of_types_are_when_people_put_all_that_they_know_into_them:
    'export default () => 1;',
};

/** What a page that took it for markup would run. */
export const hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>';
const word = 'averylongword'.repeat(40);

export interface Ground {
  readonly server: Server;
  readonly ids: Readonly<
    Record<'done' | 'failed' | 'running' | 'waiting' | 'later' | 'paused' | 'cancelled' | 'cron', string>
  >;
}

export async function api<T = Record<string, unknown>>(
  server: Server,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<T> {
  const response = await fetch(server.api + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** A server that has handlers, and no jobs yet. */
export function emptyServer(options: ServerOptions = {}): Promise<Server> {
  return startServer({ handlers, ...options });
}

/** One job in each state there is, and some more. */
export async function fill(server: Server, token?: string): Promise<Ground> {
  const make = async (job: object): Promise<string> =>
    (await api<{ id: string }>(server, 'POST', '/jobs', job, token)).id;
  const post = (path: string, body?: object) => api(server, 'POST', path, body, token);
  const done = await make({
    name: 'pay',
    delay: '0s',
    payload: { order: hostile, text: word, deep: { a: { b: [1, null] } } },
  });
  const failed = await make({ name: 'broken', delay: '0s', payload: { message: `${hostile} ${word}` } });
  await make({ name: 'broken', delay: '0s', payload: {} });
  await make({ name: 'broken', delay: '0s', payload: { message: 'no answer from 10.0.0.2' } });
  const running = await make({ name: 'hold', delay: '0s', payload: { n: 1 } });
  await until(server, running, 'running', token);
  const waiting = await make({ name: 'hold', delay: '0s', payload: { n: 2 } });
  const later = await make({ name: 'pay', delay: '2h', payload: { order: 'A-1' }, tags: ['vip', 'eu'], priority: 5 });
  const paused = await make({ name: 'pay', delay: '1h', payload: { order: 'A-2' } });
  await post(`/jobs/${paused}/pause`, { reason: 'the provider is down' });
  const cancelled = await make({ name: 'pay', delay: '3h', payload: { order: 'A-3' } });
  await post(`/jobs/${cancelled}/cancel`);
  const cron = await make({
    name: 'pay',
    cron_expr: '0 0 9 * * 1-5',
    timezone: 'America/New_York',
    is_repeat: true,
    payload: { order: 'daily' },
  });
  await make({ name: Object.keys(handlers)[3], delay: '1d', is_repeat: true, payload: {} });
  await until(server, done, 'success', token);
  await until(server, failed, 'failed', token);
  return { server, ids: { done, failed, running, waiting, later, paused, cancelled, cron } };
}

async function until(server: Server, id: string, status: string, token?: string): Promise<void> {
  for (;;) {
    if ((await api<{ status: string }>(server, 'GET', `/jobs/${id}`, undefined, token)).status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Nobody is kept out: axe finds nothing serious, in light and in dark. */
export async function checkAccess(t: Test, page: Page, name: string): Promise<void> {
  // Under a strict policy no script can be added to the page; this one is not the page's.
  await page.evaluate(`${axe};0`);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)');
    const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    t.same(
      serious.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`),
      ),
      [],
      `${name}, ${colorScheme}: access`,
    );
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** It fits on the narrowest screen there is. */
export async function checkNarrow(t: Test, page: Page, name: string): Promise<void> {
  await page.setViewportSize({ width: 320, height: 640 });
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  t.ok(over <= 0, `${name}: ${over} pixels too wide at 320`);
  const covered = await page.evaluate<number>(
    `[...document.querySelectorAll('.shell')].filter((shell) =>
      shell.querySelector('button').getBoundingClientRect().left < shell.querySelector('pre').getBoundingClientRect().right).length`,
  );
  t.equal(covered, 0, `${name}: no button lies over a command at 320`);
  await page.setViewportSize({ width: 1280, height: 800 });
}
