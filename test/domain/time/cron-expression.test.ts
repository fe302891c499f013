import fc from 'fast-check';
import t from 'tap';
import { nextCron, previousCron } from '../../../src/domain/time/cron.js';
import { parseCron } from '../../../src/domain/time/cron-expression.js';
import { cronOf, following, newYork, utc } from './cron-support.js';

t.test('expressions that are accepted, with what they mean', async (t) => {
  const same: readonly (readonly [text: string, plain: string])[] = [
    ['*/5 * * * *', '0 */5 * * * *'],
    ['0 9 * * *', '0 0 9 * * *'],
    ['@yearly', '0 0 0 1 1 *'],
    ['@annually', '0 0 0 1 1 *'],
    ['@monthly', '0 0 0 1 * *'],
    ['@weekly', '0 0 0 * * 0'],
    ['@daily', '0 0 0 * * *'],
    ['@midnight', '0 0 0 * * *'],
    ['@hourly', '0 0 * * * *'],
    ['@Daily', '0 0 0 * * *'],
    ['0 0 0 * * 7', '0 0 0 * * 0'],
    ['0 0 0 * * sun', '0 0 0 * * 0'],
    ['0 0 0 * * SUN,Mon', '0 0 0 * * 0,1'],
    ['0 0 0 * * 0,7', '0 0 0 * * 0'],
    ['0 0 0 * * 5-7', '0 0 0 * * 0,5,6'],
    ['0 0 0 * * fri-sun', '0 0 0 * * 0,5,6'],
    ['0 0 0 * * sun-tue', '0 0 0 * * 0,1,2'],
    ['0 0 0 * * sun-sun', '0 0 0 * * 0'],
    ['0 0 0 * * mon-sun/2', '0 0 0 * * 0,1,3,5'],
    ['0 0 0 * * */2', '0 0 0 * * 0,2,4,6'],
    ['0 0 0 * * 5/2', '0 0 0 * * 0,5'],
    ['0 0 0 1 Jan *', '0 0 0 1 1 *'],
    ['0 0 0 1 jan-MAR,dec *', '0 0 0 1 1,2,3,12 *'],
    ['0 5/20 * * * *', '0 5,25,45 * * * *'],
    ['0 05 09 * * *', '0 5 9 * * *'],
    ['0 1-5,3 * * * *', '0 1-5 * * * *'],
    ['0 5,1,5 * * * *', '0 1,5 * * * *'],
    ['0 10-20/5 * * * *', '0 10,15,20 * * * *'],
    ['*/60 */60 */24 */31 */12 */7', '0 0 0 1 1 0'],
    ['0 0 0 */1 * 1', '0 0 0 * * 1'],
    ['  0 0  0\t* * *\t', '0 0 0 * * *'],
    // 30 February never comes, Monday does; and some months have a day 31.
    ['0 0 0 30 2 1', '0 0 0 * 2 1'],
    ['0 0 0 31 1-4 *', '0 0 0 31 1,3 *'],
  ];
  for (const [text, plain] of same) {
    t.same(following(text, 'UTC', '2026-01-01T12:00:00', 20), following(plain, 'UTC', '2026-01-01T12:00:00', 20), text);
  }
  t.same(following('0 0 0 29 2 *', 'UTC', '2026-01-01T00:00:00', 2), ['2028-02-29T00:00:00', '2032-02-29T00:00:00']);
  t.same(
    following('0 0 0 13 * 5', 'UTC', '2026-02-01T00:00:00', 5),
    ['2026-02-06', '2026-02-13', '2026-02-20', '2026-02-27', '2026-03-06'].map((day) => `${day}T00:00:00`),
    'day of month and weekday: either',
  );
  t.same(
    following('0 0 0 */10 * 1', 'UTC', '2026-06-01T00:00:00', 5),
    ['2026-06-08', '2026-06-11', '2026-06-15', '2026-06-21', '2026-06-22'].map((day) => `${day}T00:00:00`),
    'a step is a restriction',
  );
  t.equal(cronOf('@daily').expression, '@daily');
});

t.test('expressions that are refused, and why', async (t) => {
  const table: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /six fields.*has 0/],
    ['   ', /six fields.*has 0/],
    ['*', /six fields.*has 1/],
    ['* * *', /has 3/],
    ['0 0 0 *', /has 4/],
    ['0 0 0 * * * *', /has 7/],
    ['0 0 0 1 1 * 2026', /has 7/],
    ['0 60 * * * *', /60 in the minute field.*0 to 59/],
    ['60 * * * * *', /60 in the second field/],
    ['0 0 24 * * *', /24 in the hour field.*0 to 23/],
    ['0 0 0 0 * *', /0 in the day-of-month field.*1 to 31/],
    ['0 0 0 32 * *', /32 in the day-of-month field/],
    ['0 0 0 1 0 *', /0 in the month field.*1 to 12/],
    ['0 0 0 1 13 *', /13 in the month field.*jan to dec/],
    ['0 0 0 * * 8', /8 in the weekday field.*0 to 7.*sun to sat/],
    ['0 60 * * *', /60 in the hour field/],
    ['0 */0 * * * *', /step \*\/0 in the minute field.*1 to 60/],
    ['0 */61 * * * *', /step \*\/61 in the minute field/],
    ['0 0 */25 * * *', /step.*hour.*1 to 24/],
    ['0 0 0 * * */8', /step.*weekday.*1 to 7/],
    ['0 1-5/0 * * * *', /step/],
    ['0 1-5/99999999999999999999 * * * *', /step/],
    ['0 5-1 * * * *', /range 5-1 in the minute field/],
    ['0 0 0 * * 5-0', /range 5-0 in the weekday field/],
    ['0 0 0 * * sat-fri', /range sat-fri/],
    ['0 1,,2 * * * *', /empty place in the list of the minute field/],
    ['0 ,1 * * * *', /empty place/],
    ['0 1, * * * *', /empty place/],
    ['0 1-70 * * * *', /1-70 in the minute field/],
    ['0 1--2 * * * *', /1--2 in the minute field/],
    ['0 1-2-3 * * * *', /1-2-3/],
    ['0 */5/5 * * * *', /\*\/5\/5/],
    ['0 /5 * * * *', /\/5/],
    ['0 5/ * * * *', /5\//],
    ['0 ** * * * *', /\*\*/],
    ['0 *-5 * * * *', /\*-5/],
    ['0 1.5 * * * *', /1\.5/],
    ['0 -1 * * * *', /-1/],
    ['0 +1 * * * *', /\+1/],
    ['0 0x1 * * * *', /0x1/],
    ['0 1e1 * * * *', /1e1/],
    ['0 jan * * * *', /jan in the minute field/],
    ['0 0 0 1 mon *', /mon in the month field/],
    ['0 0 0 * * january', /january in the weekday field/],
    ['0 0 0 1 constructor *', /constructor/],
    ['0 0 0 L * *', /L in the day-of-month field.*not supported/],
    ['0 0 0 15W * *', /15W.*not supported/],
    ['0 0 0 LW * *', /LW.*not supported/],
    ['0 0 0 L-3 * *', /L-3.*not supported/],
    ['0 0 0 * * 5L', /5L.*not supported/],
    ['0 0 0 * * 5#2', /5#2.*not supported/],
    ['0 0 0 ? * 1', /\? in the day-of-month field.*not supported/],
    ['H * * * * *', /H in the second field.*not supported/],
    ['0 H/15 * * * *', /H\/15/],
    ['0 H(0-29) * * * *', /not supported/],
    ['@reboot', /@yearly.*@reboot/],
    ['@secondly', /@secondly/],
    ['@weekdays', /@weekdays/],
    ['@', /@yearly/],
    ['@daily @daily', /@yearly/],
    ['@daily * * * * *', /@yearly/],
    ['@constructor', /@yearly/],
    ['0 0 0 30 2 *', /never fires/],
    ['0 0 0 30-31 feb *', /never fires/],
    ['0 0 0 31 4 *', /never fires/],
    ['0 0 0 31 2,4,6,9,11 *', /never fires/],
    ['\uff10 \uff10 * * * *', /U\+FF10/],
    ['0\u00a00 0 * * *', /U\+00A0/],
    ['0\u30000 0 * * *', /U\+3000/],
    ['0 0 0 * * *\n', /U\+000A/],
    ['0 0 0 * * *\0', /U\+0000/],
    ['0 0 0 * * \u{1f600}', /U\+1F600/],
    ['0 0 0 * * \ud800', /U\+D800/],
    [`0 0 0 * * 1${' '.repeat(246)}`, /256 characters/],
    ['1,'.repeat(20_000), /256 characters/],
  ];
  for (const [text, reason] of table) {
    const answer = parseCron(text);
    t.match('error' in answer ? answer.error : 'accepted', reason, JSON.stringify(text).slice(0, 50));
  }
  t.ok('cron' in parseCron(`0 0 0 * * 1${' '.repeat(245)}`), '256 characters are not too many');
});

t.test('never throws while reading, and what it accepts has a next occurrence', async () => {
  const piece = fc.constantFrom(...'* / - , 0 1 2 7 30 59 L W # ? H sun feb @'.split(' '), ' ');
  const soup = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
  const fields = fc.array(fc.array(piece, { minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 6 });
  const text = fc.oneof(
    fc.string(),
    soup,
    fields.map((each) => each.map((pieces) => pieces.join('')).join(' ')),
  );
  fc.assert(
    fc.property(text, (expression) => {
      const answer = parseCron(expression);
      if ('error' in answer) return answer.error.length > 10;
      const at = utc('2026-01-01T00:00:00');
      const next = nextCron(answer.cron, newYork, at);
      return next > at && previousCron(answer.cron, newYork, next) === next;
    }),
    { numRuns: 5000 },
  );
});
