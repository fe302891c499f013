/** `escapement cron`: words and times, without a server. */
import fc from 'fast-check';
import t from 'tap';
import { parseCron } from '../../src/domain/time/cron-expression.js';
import { cronInWords } from '../../src/domain/time/cron-words.js';
import { runCli } from '../support/server.js';

t.test('what it means and when it fits next', async (t) => {
  const { code, stdout } = await runCli([
    ...['cron', '0 9 * * 1-5', '--timezone', 'Europe/Berlin'],
    ...['--after', '2030-03-29T12:00:00Z', '--count', '2'],
  ]);
  t.equal(code, 0);
  t.equal(
    stdout,
    'At 09:00, Monday through Friday (Europe/Berlin)\nMon 2030-04-01T09:00:00+02:00\nTue 2030-04-02T09:00:00+02:00\n',
  );
});

t.test('as JSON, without words about now', async (t) => {
  const { stdout } = await runCli(['cron', '@daily', '--after', '2030-01-01T00:00:00Z', '--count', '1', '--json'], {
    ESCAPEMENT_TIMEZONE: 'Asia/Tokyo',
  });
  t.same(JSON.parse(stdout), {
    cron_expr: '@daily',
    timezone: 'Asia/Tokyo',
    description: 'At 00:00',
    items: [{ at: '2030-01-02T00:00:00+09:00', local: '2030-01-02T00:00:00' }],
  });
});

t.test('now is where it begins, and the end of years is where it ends', async (t) => {
  t.match(
    (await runCli(['cron', '* * * * *', '--count', '1'])).stdout,
    /^Every minute .*\n\w{3} \S+ {2}in \d+(s|ms)\n$/,
  );
  const last = await runCli(['cron', '0 0 1 1 *', '--timezone', 'UTC', '--after', '9998-06-01T00:00:00Z']);
  t.equal(last.stdout.trim().split('\n').length, 2, 'one time in words, one of five');
});

t.test('mistakes', async (t) => {
  t.match(await runCli(['cron', '61 * * * *']), { code: 2, stderr: /the cron expression has 61 in the minute field/ });
  t.match(await runCli(['cron', '* * * * *', '--after', 'soon']), { code: 2, stderr: /the instant of --after/ });
  t.match(await runCli(['cron', '* * * * *', '--timezone', 'Mars/X']), { code: 2, stderr: /IANA/ });
});

t.test('where a day must match only one of two fields, the words say or', (t) => {
  const words = (expression: string): string => {
    const parsed = parseCron(expression);
    return 'cron' in parsed ? cronInWords(parsed.cron) : parsed.error;
  };
  t.equal(words('0 0 13 * 5'), 'At 00:00, on day 13 of the month, or on Friday');
  t.equal(words('0 0 1-7 * mon-wed'), 'At 00:00, between day 1 and 7 of the month, or Monday through Wednesday');
  t.equal(words('0 0 13 * *'), 'At 00:00, on day 13 of the month');
  t.end();
});

t.test('every expression that is accepted has words', (t) => {
  const item = (min: number, max: number): fc.Arbitrary<string> =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min, max }).map(String),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      fc.integer({ min: 1, max: max - min }).map((step) => `*/${step}`),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: max - min }))
        .map(([from, step]) => `${from}/${step}`),
    );
  const field = (min: number, max: number): fc.Arbitrary<string> =>
    fc.array(item(min, max), { minLength: 1, maxLength: 3 }).map((items) => items.join());
  const fields = fc.tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7));
  fc.assert(
    fc.property(fields, fc.boolean(), (all, withSeconds) => {
      const parsed = parseCron((withSeconds ? all : all.slice(1)).join(' '));
      if ('error' in parsed) return;
      const words = cronInWords(parsed.cron);
      if (words === '' || /undefined|NaN|null/.test(words)) throw new Error(words);
    }),
    { numRuns: 2000 },
  );
  t.end();
});
