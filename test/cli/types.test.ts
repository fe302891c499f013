/** `escapement types set` and `types groups` against a real server. */
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, type Server, startServer } from '../support/server.js';

t.setTimeout(120_000);

let server: Server;
t.before(async () => {
  server = await startServer();
});

const asked = (...args: string[]): ReturnType<typeof runCli> => runCli(args, { ESCAPEMENT_URL: server.url });
const set = (...args: string[]): ReturnType<typeof runCli> => asked('types', 'set', 'limited', ...args);

t.test('set: limits, and back to what the handler says', async (t) => {
  const all = await set('--concurrency', '3', '--group-concurrency', '2', '--rate', '100/1m', '--json');
  t.match(JSON.parse(all.stdout), { name: 'limited', concurrency: 3, group_concurrency: 2, rate: '100/1m' });
  t.match(await set('--rate', 'none'), {
    code: 0,
    stdout: 'limited  concurrency 3  group_concurrency 2  rate unlimited\n',
  });
  const back = await set('--concurrency', 'none', '--group-concurrency', 'none', '--json');
  const { concurrency, group_concurrency, rate, handler } = JSON.parse(back.stdout);
  t.same({ concurrency, group_concurrency, rate }, handler, 'all three are as the handler has them');
  t.equal(concurrency, 1);
});

t.test('set: a pause, in the same step as a limit', async (t) => {
  const paused = await set('--paused', '--reason', 'why', '--concurrency', '5', '--json');
  t.match(JSON.parse(paused.stdout), { paused: true, pause_reason: 'why', concurrency: 5 });
  const resumed = JSON.parse((await set('--no-paused', '--json')).stdout);
  t.match(resumed, { name: 'limited', concurrency: 5 });
  t.notOk(resumed.paused);
  t.match(JSON.parse((await set('--reason', 'again', '--json')).stdout), { paused: true, pause_reason: 'again' });
  t.match(await set('--no-paused', '--concurrency', 'none'), { code: 0 });
});

t.test('set: mistakes', async (t) => {
  t.match(await set(), { code: 2, stderr: /name what is to be set: --concurrency, .* or --paused/ });
  t.match(await set('--no-paused', '--reason', 'x'), { code: 2, stderr: /does not go with --no-paused/ });
  t.match(await set('--concurrency', '0'), { code: 2, stderr: /whole number from 1, or none/ });
  t.match(await set('--rate', 'fast'), { code: 1, stderr: /^escapement: --rate must be a number of starts/ });
  t.match(await asked('types', 'set', 'nah', '--rate', 'none'), { code: 1, stderr: /no job type nah.*types list/ });
});

t.test('groups: those with most jobs first', async (t) => {
  const client = new Client(server);
  for (const group of ['b', 'a', 'b', undefined])
    await client.create({ name: 'limited', delay: '1h', ...(group && { group }) });
  const { code, stdout } = await asked('types', 'groups', 'limited');
  t.equal(code, 0);
  t.match(stdout, /^GROUP +PENDING +DUE +RUNNING\nb +2 +0 +0\na +1 +0 +0\n$/);
  t.match(JSON.parse((await asked('types', 'groups', 'limited', '--json')).stdout), { items: [{ group: 'b' }, {}] });
  const none = await asked('types', 'groups', 'noop');
  t.match(none, { code: 0, stdout: '', stderr: 'no group has jobs to run\n' });
  t.match(JSON.parse((await asked('types', 'groups', 'noop', '--json')).stdout), { items: [] });
});

t.test('show: a line each; pause and resume: a line that begins with the type', async (t) => {
  const shown = await asked('types', 'show', 'noop');
  t.match(shown.stdout, /^name: +noop\n(.*\n)*rate: +unlimited\n(.*\n)*counts\.pending: +\d+\n/);
  t.match(shown.stdout, /^handler\.group_concurrency: +unlimited$/m);
  t.notMatch(shown.stdout, /null|[{}]/);
  t.match(await asked('types', 'pause', 'noop', '--reason', 'why'), {
    code: 0,
    stdout: /^noop {2}paused \(why\) {2}c/,
  });
  t.match(await asked('types', 'resume', 'noop'), { code: 0, stdout: /^noop {2}concurrency unlimited/ });
});

t.test('history, system and metrics', async (t) => {
  const client = new Client(server);
  const { id } = await client.create({ name: 'noop', delay: '0s' });
  await client.until(id, 'success');
  t.match(await asked('history', '--step', '10s'), { code: 0, stdout: /^AT +CREATED +STARTED .*LATE P99\n/ });
  t.match(JSON.parse((await asked('history', '--json')).stdout), { step: '5m', items: Array });
  t.match(await asked('history', '--from', 'soon'), { code: 1, stderr: /from/ });
  t.match(await asked('history', '--step', '1h'), { code: 2, stderr: /10s, 5m/ });
  t.match(await asked('system'), { code: 0, stdout: /^version: +v\d(.*\n)+threads\.alive: +\d+$/m });
  t.match(JSON.parse((await asked('system', '--json')).stdout), { options: Object });
  t.match(await asked('metrics'), { code: 0, stdout: /^escapement_jobs\{status="success",type="noop"\} 1$/m });
});
