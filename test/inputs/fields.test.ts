/**
 * Every field with every value that is refused, at every route that takes the field: alone, in a change, and as the second
 * of a list, of which then nothing is made.
 */
import t from 'tap';
import { problem } from '../conformance/forms.js';
import type { Problem } from '../support/client.js';
import { Ground, good } from './ground.js';

t.setTimeout(90_000);
const ground = await Ground.open({ args: ['--timezone', 'UTC'] });
const { api } = ground;

const kinds: unknown[] = [null, true, [], {}];
const durations: unknown[] = [
  '-1m',
  '5',
  5,
  '',
  '1h-5m',
  '1e9h',
  '5x',
  ' 5m',
  '5m ',
  '1h 5m',
  '\uff15m',
  '4000d',
  ...kinds,
];
const forty = '0 '.repeat(20_000);

/** Values that are refused, by field. */
const refused: Record<string, unknown[]> = {
  name: [
    5,
    '',
    'n'.repeat(129),
    'no\0op',
    'noop\r\n',
    '\ud800',
    '\udc00x',
    'no op',
    'na\u00efve',
    '../x',
    'a/b',
    ...kinds,
  ],
  payload: [[], 'x', null, 5, true, { s: 'x'.repeat(256 * 1024) }],
  delay: durations,
  retry_delay: durations,
  timeout: [...durations, '0s', '0ms'],
  trigger_at: [
    ...['2026-02-30T00:00:00Z', '1', '24:00', '2026-01-01T24:00:00Z', '2016-12-31T23:59:60Z', '', 1, 1704182400000],
    ...['275761-01-01T00:00:00Z', '+275761-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '2026-01-01', '2026-W01-1'],
    ...['2026-01-01T00:00:00+24:00', '2026-01-01 T00:00:00Z', '2026-01-01T00:00:00Z\0', 'now', ...kinds],
  ],
  max_retries: [-1, 1.5, '3', 101, 1e21, ...kinds],
  is_repeat: ['true', 1, 0, null, [], {}],
  backoff: ['linear', '', 'Fixed', 1, ...kinds],
  misfire: ['later', '', 'SKIP', 1, ...kinds],
  cron_expr: [
    ...['', ' ', '* * * *', '* * * * * * *', '60 * * * * *', '0 60 * * * *', '*/0 * * * * *', '*/61 * * * * *'],
    ...['5-1 * * * * *', '1,,2 * * * * *', '\uff10 \uff10 * * * *', forty, '@reboot', '@every 1s', '0 0 0 30 2 *'],
    ...['0 0 0 31 4 *', '0 0 0 L * *', '0 0 0 15W * *', '0 0 0 * * 1#2', 'H * * * * *', '* * * * *\n*\0', 5, ...kinds],
  ],
  timezone: ['Mars/X', '', '../etc/passwd', 'UTC\0', '+99:00', 5, ...kinds],
  bogus: [1, null],
  id: ['job_1_00000000'],
  status: ['success'],
};

const triggers: Record<string, Record<string, unknown>> = {
  delay: {},
  trigger_at: {},
  cron_expr: {},
  timezone: { cron_expr: '0 0 9 * * *' },
  misfire: { delay: '1h', is_repeat: true },
};

/** One job, or one change, in which just this field is wrong. */
const draft = (field: string, value: unknown) => ({
  ...{ name: 'noop' },
  ...(triggers[field] ?? { delay: '1h' }),
  [field]: value,
});
const patch = (field: string, value: unknown) => ({
  ...(field === 'timezone' && { cron_expr: '0 0 9 * * *' }),
  [field]: value,
});

const paths = (found: Problem) => (found.errors ?? []).map(({ path }) => path);
const shown = (value: unknown) => JSON.stringify(value).slice(0, 60);

for (const [field, values] of Object.entries(refused)) {
  t.test(`${field} → 400 validation_failed`, async (t) => {
    for (const value of values) {
      const what = `${field} ${shown(value)}`;
      const one = problem(t, await api.post<never>('/jobs', draft(field, value)), 400, 'validation_failed', what);
      t.same(paths(one), [`/${field}`], `${what} is the only fault`);
      const change = await api.put<never>(`/jobs/${ground.witness.id}`, patch(field, value));
      const found = problem(t, change, 400, 'validation_failed', `changing ${what}`);
      t.same(paths(found), [`/${field}`], `changing ${what} is the only fault`);
      const list = await api.post<never>('/jobs/batch', [good, draft(field, value), good]);
      const second = problem(t, list, 400, 'validation_failed', `a list with ${what}`);
      t.same(paths(second), [`/1/${field}`], `${what} is found in the list`);
    }
  });
}

t.test('what is missing, or does not go together → 400 validation_failed', async (t) => {
  const { delay, trigger_at, cron_expr } = {
    delay: '1h',
    trigger_at: '2040-01-01T00:00:00Z',
    cron_expr: '0 0 9 * * *',
  };
  const inputs: [body: Record<string, unknown>, path: string][] = [
    [{ delay }, '/name'],
    [{ name: 'noop' }, ''],
    [{ name: 'noop', delay, trigger_at }, ''],
    [{ name: 'noop', delay, cron_expr }, ''],
    [{ name: 'noop', trigger_at, cron_expr }, ''],
    [{ name: 'noop', delay, trigger_at, cron_expr }, ''],
    [{ name: 'noop', trigger_at, is_repeat: true }, '/is_repeat'],
    [{ name: 'noop', delay: '9ms', is_repeat: true }, '/delay'],
    [{ name: 'noop', delay: '0s', is_repeat: true }, '/delay'],
    [{ name: 'noop', delay, timezone: 'UTC' }, '/timezone'],
    [{ name: 'noop', trigger_at, timezone: 'UTC' }, '/timezone'],
  ];
  for (const [body, path] of inputs) {
    const what = JSON.stringify(body);
    const found = problem(t, await api.post<never>('/jobs', body), 400, 'validation_failed', what);
    t.same(paths(found), [path], what);
    const list = problem(t, await api.post<never>('/jobs/batch', [good, body]), 400, 'validation_failed', what);
    t.same(paths(list), [`/1${path}`], what);
  }
});

t.test('a type that is not registered → 400 unknown_job_type', async (t) => {
  for (const name of ['nobody', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'Noop', 'n'.repeat(128)]) {
    problem(t, await api.post<never>('/jobs', { ...good, name }), 400, 'unknown_job_type', name);
    problem(t, await api.post<never>('/jobs/batch', [good, { ...good, name }]), 400, 'unknown_job_type', name);
  }
});

t.test('what only looks wrong → 201', async (t) => {
  const inputs: [body: Record<string, unknown>, answer: Record<string, unknown>][] = [
    [
      { cron_expr: '0 0 0 29 2 *', timezone: 'UTC' },
      { status: 'pending', trigger_at: /-02-29T00:00:00/ },
    ],
    [{ cron_expr: '0 0 0 * * 7' }, { status: 'pending' }],
    [{ cron_expr: '0 0 0 31 2,3 *' }, { trigger_at: /-03-31T00:00:00/ }],
    [
      { trigger_at: '1970-01-01T00:00:00Z', name: 'sleep', payload: { ms: 1 } },
      { status: 'pending', next_run_in: '0s' },
    ],
    [{ trigger_at: '2040-02-29T23:59:59.999Z' }, { trigger_at: '2040-02-29T23:59:59.999+00:00' }],
    [{ trigger_at: '9999-12-31T23:59:59Z' }, { trigger_at: '9999-12-31T23:59:59+00:00' }],
    [{ delay: '3650d' }, { status: 'pending' }],
    [
      { delay: '10ms', is_repeat: true, misfire: 'skip' },
      { is_repeat: true, misfire: 'skip' },
    ],
    [
      { delay: '1h', max_retries: 0, timeout: '1ms', retry_delay: '0s' },
      { max_retries: 0, timeout: '1ms' },
    ],
    [{ delay: '1h', max_retries: 100, payload: { constructor: 1, toString: 2 } }, { max_retries: 100 }],
    [{ delay: '1h', payload: { s: 'x'.repeat(256 * 1024 - '{"s":""}'.length) } }, { status: 'pending' }],
  ];
  for (const [body, answer] of inputs) {
    const { status, body: job, text } = await api.post('/jobs', { name: 'noop', ...body });
    t.equal(status, 201, `${shown(body)}: ${text.slice(0, 200)}`);
    t.match(job, answer, shown(body));
    ground.made += 1;
    if (job.is_repeat) await api.delete(`/jobs/${job.id}`);
  }
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
