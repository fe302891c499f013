/** Every bad body, query and path of the input table, and what is answered; every good one at the edge of a bad one. */
import t from 'tap';
import { serve } from '../server/fixture.js';
import type { Problem } from '../support/client.js';

const { api, scheduler } = await serve();
const delay = '1h';
const ok = { name: 'payment_check', delay };

async function refused(body: unknown, code: string, status = 400): Promise<Problem> {
  const before = scheduler.asked.length;
  const answer = await api.post<Problem>('/jobs', body);
  const shown = typeof body === 'string' ? body.slice(0, 60) : (JSON.stringify(body) ?? '').slice(0, 90);
  t.same(
    { status: answer.status, code: answer.body?.code },
    { status, code },
    `${shown}: ${answer.text.slice(0, 200)}`,
  );
  t.equal(answer.headers['content-type'], 'application/problem+json');
  t.equal(scheduler.asked.length, before, 'the scheduler was not asked');
  return answer.body;
}

async function accepted(body: unknown): Promise<void> {
  const answer = await api.post('/jobs', body);
  t.equal(answer.status, 201, `${JSON.stringify(body).slice(0, 90)}: ${answer.text.slice(0, 200)}`);
}

t.test('what is not JSON', async () => {
  for (const body of ['', '{', '{}x', '\ufeff{}', 'NaN', "{'a':1}", '{"a":1,}', '[1,]', 'undefined', '01', '"\n"']) {
    await refused(body, 'malformed_json');
  }
  await refused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'malformed_json');
  await refused(Buffer.from('{"name":"\xed\xa0\x80"}', 'latin1'), 'malformed_json');
});

t.test('JSON that is no job at all', async () => {
  for (const body of ['[]', 'null', '"text"', '5', 'true', '[{}]']) {
    const { errors } = await refused(body, 'validation_failed');
    t.same(errors, [{ path: '', message: 'must be a JSON object' }]);
  }
});

t.test('a missing or wrong name', async () => {
  t.same((await refused({ delay }, 'validation_failed')).errors, [{ path: '/name', message: 'is required' }]);
  const wrong = [5, '', 'x'.repeat(129), 'a\0b', 'a\r\nb', '\ud800', 'a b', 'ä', '../x', 'a/b', null, {}, 'a*'];
  for (const name of wrong) t.match((await refused({ name, delay }, 'validation_failed')).errors, [{ path: '/name' }]);
});

t.test('a job type that is not registered', async () => {
  for (const name of ['unregistered', 'constructor', '__proto__', 'toString', 'x'.repeat(128)]) {
    t.match((await refused({ name, delay }, 'unknown_job_type')).errors, [{ path: '/name' }]);
  }
  const both = await refused({ name: 'unregistered', delay: '5' }, 'validation_failed');
  t.same(
    both.errors?.map(({ path }) => path),
    ['/name', '/delay'],
    'with another fault it is one of several',
  );
});

t.test('payloads', async () => {
  for (const payload of [[], 'x', null, 5, true])
    t.match((await refused({ ...ok, payload }, 'validation_failed')).errors, [{ path: '/payload' }]);
  const text = (bytes: number) => ({ s: 'x'.repeat(bytes - '{"s":""}'.length) });
  await accepted({ ...ok, payload: text(256 * 1024) });
  await refused({ ...ok, payload: text(256 * 1024 + 1) }, 'validation_failed');
  await refused({ ...ok, payload: { s: 'é'.repeat(128 * 1024) } }, 'validation_failed');
});

t.test('an encoded payload is measured as it is kept, not as it was sent', async () => {
  const escaped = `{"name":"payment_check","delay":"1h","payload":{"s":"${'\\u0078'.repeat(60_000)}"}}`;
  t.ok(escaped.length > 256 * 1024);
  await accepted(escaped);
});

t.test('nesting', async () => {
  const nested = (levels: number) =>
    `{"name":"payment_check","delay":"1h","payload":${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}}`;
  await accepted(nested(64));
  await refused(nested(65), 'validation_failed');
  await refused(nested(5000), 'validation_failed');
  await refused(
    `{"name":"payment_check","delay":"1h","payload":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    'validation_failed',
  );
  await refused('['.repeat(70) + ']'.repeat(70), 'validation_failed');
  t.equal(
    (await api.post('/jobs/batch', `[${nested(64)}]`)).status,
    201,
    'a list of jobs is no level of their payloads',
  );
  t.equal((await api.post('/jobs/batch', `[${nested(65)}]`)).status, 400);
  const wide = { ...ok, payload: { list: Array.from({ length: 200 }, () => ({ a: [{}] })) } };
  await accepted(wide);
});

t.test('__proto__ as a name, however it is written, and no other', async () => {
  const body = (key: string) => `{"name":"payment_check","delay":"1h","payload":{"deep":[{"${key}":{"x":1}}]}}`;
  const { errors } = await refused(body('__proto__'), 'validation_failed');
  t.same(
    errors?.map(({ path }) => path),
    ['/payload/deep/0/__proto__'],
  );
  await refused(body('\\u005f_proto__'), 'validation_failed');
  await refused('{"__proto__":1,"name":"payment_check","delay":"1h"}', 'validation_failed');
  await accepted(body('__proto'));
  await accepted({ ...ok, payload: { text: '__proto__' } });
});

t.test('numbers that do not fit', async () => {
  for (const number of ['1e400', '-1e400', `1${'0'.repeat(310)}`, `${'9'.repeat(300)}e9`]) {
    const { errors } = await refused(
      `{"name":"payment_check","delay":"1h","payload":{"n":[1,${number}]}}`,
      'validation_failed',
    );
    t.match(errors, [{ path: '/payload/n/1' }]);
  }
  for (const number of ['1e308', '1e-400', '0.1E+3'])
    await accepted(`{"name":"payment_check","delay":"1h","payload":{"n":${number}}}`);
  t.equal(scheduler.drafts.at(-1)?.payload, '{"n":100}');
});

t.test('a whole number that would lose digits is refused, wherever it stands', async (t) => {
  const body = (before: number, number: string) =>
    `{"name":"payment_check","delay":"1h","payload":{"${'x'.repeat(before)}":[0,${number}]}}`;
  for (let before = 0; before < 40; before++) {
    for (const number of ['9007199254740993', '-9007199254740993', '12345678901234567890', '9'.repeat(308)]) {
      const { errors } = await refused(body(before, number), 'validation_failed');
      t.match(
        errors,
        [{ path: /^\/payload\/x*\/1$/, message: /more digits .* send it as a string/ }],
        `${number} at ${before}`,
      );
    }
    const { errors } = await refused(body(before, '9'.repeat(309)), 'validation_failed');
    t.match(errors, [{ message: /can hold/ }], 'and this one overflows');
    for (const number of ['9007199254740991', '-9007199254740992', '10000000000000000000', '1.2345678901234567890'])
      await accepted(body(before, number));
  }
  await accepted(body(0, '12345678901234567890e3'));
  await accepted(body(0, '1,123456789012345,123456789012345'));
  await accepted({
    ...ok,
    payload: { id: '12345678901234567890', list: ['x', '-12345678901234567890', '9'.repeat(1000)] },
  });
});

t.test('exactly one trigger', async () => {
  await refused({ name: 'payment_check' }, 'validation_failed');
  const one = { delay, trigger_at: '2030-01-01T00:00:00Z', cron_expr: '0 0 9 * * *' };
  await refused({ ...ok, ...one }, 'validation_failed');
  for (const [left] of Object.entries(one))
    await refused(
      { ...ok, ...one, [left]: undefined, ...(left === 'delay' && { delay: undefined }) },
      'validation_failed',
    );
});

t.test('delays', async () => {
  for (const bad of ['-1m', '5', 5, '', '1h-5m', '1e9h', '5x', ' 5m', '5 m', null, '4000d', 'x'.repeat(101)]) {
    t.match((await refused({ name: 'payment_check', delay: bad }, 'validation_failed')).errors, [{ path: '/delay' }]);
  }
  for (const good of ['0s', '1ns', '1.5h', '2d', '1h30s', '3650d'])
    await accepted({ name: 'payment_check', delay: good });
});

t.test('instants', async () => {
  const bad = [
    '2026-02-30T00:00:00Z',
    '1',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:59:60Z',
    '+275761-01-01T00:00:00Z',
    '275761-01-01T00:00:00Z',
    '',
    5,
    '2026-01-01',
  ];
  for (const trigger_at of bad) {
    t.match((await refused({ name: 'payment_check', trigger_at }, 'validation_failed')).errors, [
      { path: '/trigger_at' },
    ]);
  }
  await accepted({ name: 'payment_check', trigger_at: '2001-01-01T00:00:00Z' });
  await accepted({ name: 'payment_check', trigger_at: '2024-02-29T00:00:00' });
  t.same(
    scheduler.drafts.at(-1)?.trigger,
    { kind: 'at', at: Date.parse('2024-02-28T16:00:00Z') },
    'in the zone of the server',
  );
});

t.test('options', async () => {
  for (const max_retries of [-1, 1.5, '3', 101, null]) {
    t.match((await refused({ ...ok, max_retries }, 'validation_failed')).errors, [{ path: '/max_retries' }]);
  }
  for (const field of ['retry_delay', 'timeout']) {
    for (const bad of ['-1m', '5', 5, '', '5x', null])
      t.match((await refused({ ...ok, [field]: bad }, 'validation_failed')).errors, [{ path: `/${field}` }]);
  }
  t.match((await refused({ ...ok, timeout: '0s' }, 'validation_failed')).errors, [{ path: '/timeout' }]);
  for (const is_repeat of ['true', 1, null])
    t.match((await refused({ ...ok, is_repeat }, 'validation_failed')).errors, [{ path: '/is_repeat' }]);
  await refused({ ...ok, backoff: 'linear' }, 'validation_failed');
  await refused({ ...ok, misfire: 'all' }, 'validation_failed');
});

t.test('repeating', async () => {
  await refused({ name: 'payment_check', trigger_at: '2030-01-01T00:00:00Z', is_repeat: true }, 'validation_failed');
  await refused({ name: 'payment_check', delay: '9ms', is_repeat: true }, 'validation_failed');
  await accepted({ name: 'payment_check', delay: '10ms', is_repeat: true });
  await accepted({ name: 'payment_check', trigger_at: '2030-01-01T00:00:00Z', is_repeat: false });
});

t.test('cron expressions and zones', async () => {
  const bad = [
    '',
    '* * * *',
    '* * * * * * *',
    '0 60 * * * *',
    '*/0 * * * * *',
    '*/61 * * * * *',
    '0 5-1 * * * *',
    '0 1,,2 * * * *',
    '0 \uff11 * * * *',
    '@reboot',
  ];
  for (const cron_expr of [...bad, 'x'.repeat(40_000), '0 0 0 30 2 *', '0 0 0 31 4 *', 5, null]) {
    t.match((await refused({ name: 'payment_check', cron_expr }, 'validation_failed')).errors, [
      { path: '/cron_expr' },
    ]);
  }
  for (const cron_expr of ['0 0 0 29 2 *', '0 0 0 * * 7', '*/5 * * * *', '@daily'])
    await accepted({ name: 'payment_check', cron_expr });
  for (const timezone of ['Mars/X', '', 5]) {
    t.match(
      (await refused({ name: 'payment_check', cron_expr: '0 0 9 * * *', timezone }, 'validation_failed')).errors,
      [{ path: '/timezone' }],
    );
  }
  t.match((await refused({ ...ok, timezone: 'UTC' }, 'validation_failed')).errors, [{ path: '/timezone' }]);
  await accepted({ name: 'payment_check', cron_expr: '0 0 9 * * *', timezone: 'Europe/Berlin' });
  t.same(scheduler.drafts.at(-1)?.trigger, { kind: 'cron', expression: '0 0 9 * * *', timezone: 'Europe/Berlin' });
});

t.test('unknown fields are named, as JSON pointers', async () => {
  const { errors, detail } = await refused({ ...ok, 'a/b~c': 1, prority: 2, delay: 5 }, 'validation_failed');
  t.same(errors?.map(({ path }) => path).sort(), ['/a~1b~0c', '/delay', '/prority']);
  t.match(detail, /2 more faults/);
});

t.test('all faults of a request are told together', async () => {
  const { errors } = await refused(
    {
      name: 'a b',
      delay: '5',
      trigger_at: 'x',
      cron_expr: '1',
      timezone: 'Mars/X',
      is_repeat: 1,
      payload: [],
      max_retries: -1,
      retry_delay: '',
      backoff: 1,
      timeout: '0s',
      misfire: 2,
      more: 3,
    },
    'validation_failed',
  );
  const paths = [
    '',
    '/name',
    '/delay',
    '/trigger_at',
    '/cron_expr',
    '/timezone',
    '/is_repeat',
    '/payload',
    '/max_retries',
    '/retry_delay',
    '/backoff',
    '/timeout',
    '/misfire',
    '/more',
  ];
  t.same(errors?.map(({ path }) => path).sort(), paths.sort());
});

t.test('a body of nothing but faults gets a short answer', async () => {
  const body = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`field${n}`, 1]));
  const answer = await api.post('/jobs', body);
  t.equal(answer.status, 400);
  t.ok(answer.text.length < 10_000);
  const longName = await api.post('/jobs', { ['x'.repeat(500_000)]: 1 });
  t.ok(longName.text.length < 2000);
});

t.test('updates', async () => {
  const id = 'job_1704180000_00000000';
  const patch = async (body: unknown) => (await api.put<Problem>(`/jobs/${id}`, body)).body;
  const bad: [unknown, string][] = [
    [{}, ''],
    [{ name: 'email_send' }, '/name'],
    [{ is_repeat: true }, '/is_repeat'],
    [{ delay, trigger_at: '2030-01-01T00:00:00Z' }, ''],
    [{ delay, timezone: 'UTC' }, '/timezone'],
    [{ timezone: 'Mars/X' }, '/timezone'],
    [{ timeout: '0s' }, '/timeout'],
    [{ payload: [] }, '/payload'],
    [[], ''],
    [null, ''],
  ];
  for (const [body, path] of bad)
    t.match(await patch(body), { code: 'validation_failed', errors: [{ path }] }, JSON.stringify(body));
  t.match(await patch(''), { code: 'malformed_json' });
  const good: [object, object][] = [
    [{ delay: '5m' }, { trigger: { kind: 'delay', delayMs: 300_000 } }],
    [{ timezone: 'UTC' }, { timezone: 'UTC' }],
    [{ cron_expr: '@daily', timezone: 'UTC' }, { trigger: { kind: 'cron', expression: '@daily', timezone: 'UTC' } }],
    [
      { payload: { a: 1 }, max_retries: 0, backoff: 'fixed' },
      { payload: '{"a":1}', maxRetries: 0, backoff: 'fixed' },
    ],
    [
      { retry_delay: '0s', timeout: '1ms', misfire: 'skip' },
      { retryDelayMs: 0, timeoutMs: 1, misfire: 'skip' },
    ],
  ];
  for (const [body, expected] of good) {
    t.equal((await api.put(`/jobs/${id}`, body)).status, 200);
    t.same(scheduler.asked.at(-1), { kind: 'update', id, patch: expected });
  }
});

t.test('a whole job becomes a draft', async () => {
  const body = {
    ...ok,
    is_repeat: true,
    payload: { a: [1, 'é'] },
    max_retries: 5,
    retry_delay: '5m',
    backoff: 'fixed',
    timeout: '90s',
    misfire: 'skip',
  };
  await accepted(body);
  t.same(scheduler.drafts.at(-1), {
    name: 'payment_check',
    trigger: { kind: 'delay', delayMs: 3_600_000 },
    isRepeat: true,
    payload: '{"a":[1,"é"]}',
    maxRetries: 5,
    retryDelayMs: 300_000,
    backoff: 'fixed',
    timeoutMs: 90_000,
    misfire: 'skip',
  });
  await accepted(ok);
  t.same(scheduler.drafts.at(-1), {
    name: 'payment_check',
    trigger: { kind: 'delay', delayMs: 3_600_000 },
    isRepeat: false,
    payload: '{}',
  });
});
