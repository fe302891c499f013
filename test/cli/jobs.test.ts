/** `escapement jobs …`, `types …` and `stats` against a real server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, type Server, startServer, temporary } from '../support/server.js';

t.setTimeout(300_000);

let server: Server;
t.before(async () => {
  server = await startServer();
});

/** The program, asking that server. */
const asked = (args: string[], input?: string): ReturnType<typeof runCli> =>
  runCli(args, { ESCAPEMENT_URL: server.url }, input);
const idOf = (text: string): string => /job_\d+_[0-9a-f]{8}/.exec(text)?.[0] ?? 'none';

t.test('add prints the job in a line that begins with its id, or the answer as JSON', async (t) => {
  const line = await asked(['jobs', 'add', 'noop', '--delay', '10m']);
  t.match(line, { code: 0, stderr: '', stdout: /^job_\d+_[0-9a-f]{8} {2}noop {2}pending {2}in 10m0s\n$/ });
  const all = ['--at', '2099-01-01T00:00:00Z', '--payload', '{"a":1}', '--max-retries', '7', '--retry-delay', '2s'];
  const json = await asked(['jobs', 'add', 'noop', ...all, '--backoff', 'fixed', '--timeout', '9s', '--json']);
  t.match(JSON.parse(json.stdout), {
    name: 'noop',
    max_retries: 7,
    retry_delay: '2s',
    backoff: 'fixed',
    timeout: '9s',
  });
  const { id } = JSON.parse(json.stdout) as { id: string };
  t.match(await new Client(server).job(id), { payload: { a: 1 }, trigger_at: /^2099-01-01T00:00:00/ });
});

t.test('add: a schedule', async (t) => {
  const cron = ['--cron', '0 9 * * 1-5', '--repeat', '--timezone', 'Europe/Berlin', '--misfire', 'skip'];
  t.match((await asked(['jobs', 'add', 'noop', ...cron])).stdout, /cron 0 9 \* \* 1-5 Europe\/Berlin\n$/);
  t.match((await asked(['jobs', 'add', 'noop', '--delay', '1h', '--repeat'])).stdout, /every 1h0m0s\n$/);
});

t.test('add: the payload in a file and on standard input', async (t) => {
  const file = join(temporary('payload'), 'payload.json');
  writeFileSync(file, '{"from":"file"}\n');
  const add = ['jobs', 'add', 'echo', '--delay', '1h', '--payload'];
  const client = new Client(server);
  t.same((await client.job(idOf((await asked([...add, `@${file}`])).stdout))).payload, { from: 'file' });
  t.same((await client.job(idOf((await asked([...add, '-'], '{"from":"input"}')).stdout))).payload, { from: 'input' });
  t.match(await asked([...add, '@/no/such']), { code: 2, stderr: /--payload: ENOENT.*\/no\/such/ });
  t.match(await asked([...add, '{']), { code: 2, stderr: /--payload is not JSON/ });
  t.match(await asked([...add, '{"n":12345678901234567890}']), { code: 1, stderr: /more digits/ }, 'sent as written');
});

t.test('mistakes and refusals speak of options, not of the fields of the API', async (t) => {
  const add = ['jobs', 'add', 'noop'];
  const cases: [args: string[], code: number, told: string][] = [
    [add, 2, 'say when it is to run: with --delay, --at or --cron'],
    [[...add, '--delay', '1h', '--cron', '@daily'], 2, "'--delay <duration>' cannot be used with option '--cron <exp"],
    [[...add, '--at', 'soon', '--cron', '@daily'], 2, "'--at <instant>' cannot be used with option '--cron <exp"],
    [['jobs', 'update', 'job_1_2', '--delay', '1h', '--at', 'x'], 2, "'--delay <duration>' cannot be used with option"],
    [[...add, '--delay', '10x'], 1, 'escapement: --delay has an unknown unit "x"; '],
    [[...add, '--at', 'soon', '--max-retries', '500'], 1, '; --at is not a date-time'],
    [[...add, '--delay', '1h', '--payload', '{"a":12345678901234567890}'], 1, 'escapement: --payload at /a '],
    [['jobs', 'add', 'nop', '--delay', '1h'], 1, 'there is no handler "nop"; did you mean '],
    [['jobs', 'add', 'nop', '--delay', '1h'], 1, '("escapement types list" shows all)'],
    [['jobs', 'list', '--status', 'odd'], 1, 'escapement: --status must be one of pending'],
    [['jobs', 'list', '--due-before', 'x'], 1, 'escapement: --due-before '],
    [['bulk', 'start', 'cancel', '--created-after', 'x'], 1, 'escapement: --created-after '],
    [['events', '--event', 'job.fail'], 1, 'escapement: --event has "job.fail"'],
    [['events', '--event', 'qqqqqqqqqqqq'], 1, 'which is no type of event. There are job.scheduled'],
    [['history', '--from', 'soon'], 1, 'escapement: --from '],
  ];
  for (const [args, code, told] of cases) {
    const answer = await asked(args);
    t.equal(answer.code, code, `${args.join(' ')}: ${answer.stderr}`);
    t.ok(answer.stderr.includes(told), `${args.join(' ')}: ${answer.stderr}`);
    t.match(answer.stderr, /^escapement: [^\n]+[^.]\.?\n$/, 'one line, and one full stop at most');
  }
});

t.test('add: the same idempotency key makes one job', async (t) => {
  const add = ['jobs', 'add', 'noop', '--delay', '1h', '--idempotency-key', 'once'];
  t.equal(idOf((await asked(add)).stdout), idOf((await asked(add)).stdout));
});

t.test('add --wait ends with the job, and says by its exit code how', async (t) => {
  const done = await asked(['jobs', 'add', 'echo', '--delay', '0s', '--payload', '{"a":[1,2]}', '--wait']);
  t.match(done, { code: 0, stdout: /echo {2}success.*\nresult: \{"a":\[1,2\]\}\n$/s });
  const failed = await asked(['jobs', 'add', 'fail', '--delay', '0s', '--max-retries', '0', '--wait', '--json']);
  t.equal(failed.code, 1);
  t.match(JSON.parse(failed.stdout), { status: 'failed', last_error: { message: 'failed on purpose' } });
  const late = await asked(['jobs', 'add', 'noop', '--delay', '1h', '--wait', '50ms']);
  t.match(late, { code: 1, stdout: /^job_/, stderr: /has not finished within the time of --wait; it goes on/ });
});

t.test('add --ndjson: a job a line, each refused by itself', async (t) => {
  const lines = [
    '{"name":"noop","delay":"1h","payload":{"n":1}}',
    '',
    '{}',
    'nope',
    '[1]',
    '{"name":"nop","delay":"1h"}',
    '{"delay":"2h","idempotency_key":"mine"}',
    '  { "payload" : {} }  ',
  ];
  const { code, stdout, stderr } = await asked(
    ['jobs', 'add', 'echo', '--ndjson', '--delay', '3h', '--payload', '{"n":0}', '--json'],
    lines.join('\n'),
  );
  t.equal(code, 1);
  const made = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; name: string; delay?: string });
  t.same(
    made.map(({ name }) => name),
    ['noop', 'echo', 'echo', 'echo'],
  );
  const client = new Client(server);
  const payloads = await Promise.all(made.map(async ({ id }) => (await client.job(id)).payload));
  t.same(payloads, [{ n: 1 }, { n: 0 }, { n: 0 }, {}]);
  t.match(stderr, /line 4: it is not JSON/);
  t.match(stderr, /line 5: it must be a JSON object/);
  t.match(stderr, /line 6: .*did you mean noop/);
  t.match(stderr, /4 jobs made, 3 lines refused\n$/);
});

t.test('add --ndjson: many', async (t) => {
  const count = 20_000;
  const { code, stdout, stderr } = await asked(
    ['jobs', 'add', '--ndjson'],
    '{"name":"noop","delay":"24h"}\n'.repeat(count),
  );
  t.match({ code, stderr }, { code: 0, stderr: '20,000 jobs made\n' });
  t.equal(new Set(stdout.trim().split('\n')).size, count, 'all are different');
});

t.test('list: a table, the next page, all, JSON, filters', async (t) => {
  const add = ['jobs', 'add', 'limited', '--delay', '5h'];
  for (let n = 0; n < 3; n++) await asked(add);
  const list = ['jobs', 'list', '--type', 'limited'];
  const page = await asked([...list, '--limit', '2']);
  t.match(page.stdout, /^ID +TYPE +STATUS +WHEN +ABOUT\njob_\S+ {2}limited {2}pending {2}in [\dhms]+\njob_[^\n]+\n$/);
  const cursor = /^2 of 3 jobs; the next: --cursor (\S+)\n$/.exec(page.stderr)?.[1] ?? '';
  const next = await asked([...list, '--cursor', cursor, '--json']);
  t.match(JSON.parse(next.stdout), { total: 3, items: [{ name: 'limited' }] });
  t.equal((await asked([...list, '--all', '--json'])).stdout.trim().split('\n').length, 3);
  t.match(await asked([...list, '--status', 'failed']), { code: 0, stdout: '', stderr: 'no such jobs\n' });
  t.match(await asked([...list, '--status', 'odd']), { code: 1, stderr: /must be one of pending, running/ });
});

t.test('show, update, cancel, retry', async (t) => {
  const id = idOf((await asked(['jobs', 'add', 'noop', '--delay', '1h'])).stdout);
  t.match(await asked(['jobs', 'show', id]), {
    code: 0,
    stdout: /^id: +job_\S+\nname: +noop\n(.*\n)*payload: +\{\}\n$/,
  });
  t.match(JSON.parse((await asked(['jobs', 'show', id, '--json'])).stdout), { id });
  t.match(await asked(['jobs', 'update', id, '--delay', '2h', '--payload', '{"b":2}']), {
    code: 0,
    stdout: /in 2h0m0s\n$/,
  });
  t.same((await new Client(server).job(id)).payload, { b: 2 });
  t.match(await asked(['jobs', 'update', id]), { code: 2, stderr: /name what is to change/ });
  const other = idOf((await asked(['jobs', 'add', 'noop', '--delay', '1h'])).stdout);
  const cancelled = await asked(['jobs', 'cancel', id, 'job_1_00000000', other]);
  t.equal(cancelled.code, 1, 'one of three was refused');
  t.match(cancelled.stdout, new RegExp(`^${id} .*\n${other} .*cancelled`));
  t.match(cancelled.stderr, /^escapement: job_1_00000000: There is no job/);
  t.match(await asked(['jobs', 'retry', id]), { code: 1, stderr: /only a failed job can be retried/ });
  const failed = idOf((await asked(['jobs', 'add', 'fail', '--delay', '0s', '--max-retries', '0', '--wait'])).stdout);
  t.match(await asked(['jobs', 'retry', failed]), { code: 0, stdout: new RegExp(`^${failed}`) });
});

t.test('update: none takes a field away', async (t) => {
  const some = ['--priority', '5', '--group', 'g', '--tags', 'a,b', '--expires-after', '1h', '--retry-jitter', '0.5'];
  const id = idOf((await asked(['jobs', 'add', 'noop', '--delay', '1h', ...some])).stdout);
  const client = new Client(server);
  t.match(await client.job(id), { priority: 5, group: 'g', tags: ['a', 'b'], retry_jitter: 0.5 });
  const none = some.map((word, at) => (at % 2 === 0 ? word : 'none'));
  t.match(await asked(['jobs', 'update', id, ...none]), { code: 0, stderr: '' });
  const after = await client.job(id);
  for (const field of ['priority', 'group', 'tags', 'expires_after', 'retry_jitter']) t.notOk(field in after, field);
  const named = await asked(['jobs', 'add', 'noop', '--delay', '1h', '--group', 'none', '--json']);
  t.match(JSON.parse(named.stdout), { group: 'none' }, 'of a new job it is a name');
});

t.test('pause, resume, run, remove', async (t) => {
  const id = idOf((await asked(['jobs', 'add', 'noop', '--delay', '1h'])).stdout);
  t.match(await asked(['jobs', 'pause', id, '--reason', 'why']), { code: 0, stdout: /pending {2}paused {2}why\n$/ });
  const until = ['--until', '2999-01-01T00:00:00Z', '--json'];
  t.match(JSON.parse((await asked(['jobs', 'pause', id, ...until])).stdout), { paused: true, pause_reason: 'why' });
  t.match(await asked(['jobs', 'pause', id, '--until', 'soon']), {
    code: 1,
    stderr: /^escapement: --until is not a date-time/,
  });
  t.match(await asked(['jobs', 'resume', id]), { code: 0, stdout: /pending {2}in [\dhms]+\n$/ });
  t.match(await asked(['jobs', 'remove', id]), { code: 1, stderr: /only a finished job can be removed/ });
  t.match(await asked(['jobs', 'run', id]), { code: 0, stdout: new RegExp(`^${id}`) });
  await new Client(server).until(id, 'success');
  t.match(await asked(['jobs', 'remove', id, id]), { code: 1, stdout: /success/, stderr: /There is no job/ });
});

t.test('types and the server are paused and resumed', async (t) => {
  t.match(await asked(['types', 'pause', 'limited', '--reason', 'why']), {
    code: 0,
    stdout: /^limited {2}paused \(why\) /,
  });
  t.match(await asked(['types', 'list']), { stdout: /\nlimited .* paused \(why\); Has every option set\n/ });
  const id = idOf((await asked(['jobs', 'add', 'limited', '--delay', '0s'])).stdout);
  t.match(await asked(['jobs', 'list', '--type', 'limited']), { stdout: new RegExp(`${id} .*its type is paused`) });
  t.match(await asked(['types', 'resume', 'limited']), { code: 0, stdout: /^limited {2}concurrency / });
  t.match(await asked(['types', 'pause', 'nah']), { code: 1, stderr: /no job type nah/ });
  t.match(await asked(['pause', '--reason', 'why']), { code: 0, stdout: /^the server is paused since \S+: why\n$/ });
  t.match(JSON.parse((await asked(['pause', '--json'])).stdout), { paused: true, reason: 'why' });
  t.match(await asked(['resume']), { code: 0, stdout: 'the server is not paused\n' });
  await new Client(server).until(id, (job) => job.status !== 'pending');
});

t.test('watch prints what happens until the end, and says by its exit code how that was', async (t) => {
  const add = ['jobs', 'add', 'sleep', '--payload', '{"ms":10}', '--delay'];
  const id = idOf((await asked([...add, '2s'])).stdout);
  const { code, stdout } = await asked(['jobs', 'watch', id]);
  t.equal(code, 0);
  t.match(stdout, /job\.started.*\n.*job\.completed.*duration_ms=\d+\n.*sleep {2}success.*\nresult: /);
  t.match(await asked(['jobs', 'watch', id]), { code: 0, stdout: /success/ }, 'also after the end');
  t.match(await asked(['jobs', 'watch', 'job_1_00000000']), { code: 1, stderr: /no job with this id/ });
  const failing = ['jobs', 'add', 'fail', '--delay', '2s', '--max-retries', '0'];
  const failed = await asked(['jobs', 'watch', idOf((await asked(failing)).stdout), '--json']);
  t.equal(failed.code, 1);
  t.match(
    failed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .at(-1),
    { status: 'failed' },
  );
});

t.test('types and stats', async (t) => {
  t.match(await asked(['types', 'list']), { code: 0, stdout: /\nlimited +2s +1 +1 +Has every option set\n/ });
  t.match(await asked(['types', 'show', 'limited']), { code: 0, stdout: /^concurrency: +1$/m });
  t.match(await asked(['types', 'show', 'nah']), { code: 1, stderr: /no job type nah/ });
  t.match(JSON.parse((await asked(['types', 'list', '--json'])).stdout), { items: Array });
  t.match(await asked(['stats']), { code: 0, stdout: /^pending +[\d,]+\nrunning +\d+\n/ });
  t.match(JSON.parse((await asked(['stats', '--json'])).stdout), { pending: Number });
});

t.test('no server, a token that is missing, wrong usage', async (t) => {
  const nobody = { ESCAPEMENT_URL: 'http://127.0.0.1:9' };
  for (const args of [
    ['stats'],
    ['events'],
    ['top'],
    ['jobs', 'list'],
    ['jobs', 'watch', 'x'],
    ['jobs', 'cancel', 'x'],
  ])
    t.match(await runCli(args, nobody), {
      code: 3,
      stderr: /^escapement: No answer from http:\/\/127.0.0.1:9: .*--url/,
    });
  t.match(await runCli(['jobs', 'add', '--ndjson'], nobody, '{"name":"noop","delay":"1h"}'), {
    code: 3,
    stderr: /^0 jobs made.*\nescapement: No answer/,
  });
  const guarded = await startServer({ env: { ESCAPEMENT_TOKEN: 'secret' } });
  const env = { ESCAPEMENT_URL: guarded.url };
  t.match(await runCli(['stats'], env), { code: 1, stderr: /ESCAPEMENT_TOKEN/ });
  t.match(await runCli(['stats', '--token', 'secret'], env), { code: 0 });
  for (const args of [['jobs'], ['jobs', 'ad'], ['jobs', 'add'], ['jobs', 'list', '--limit', '0'], ['jobs', 'show']])
    t.equal((await runCli(args, env)).code, 2, args.join(' '));
});
