/** Rates: what is one, and that the pace which follows from it never lets more start. */
import fc from 'fast-check';
import t from 'tap';
import { paceOf, parseRate, type Rate } from '../../../src/domain/control/rate.js';

const rate = (text: string): Rate => parseRate(text) as Rate;

t.test('a rate is a number of starts and a duration, and stays as it was written', async (t) => {
  t.same(parseRate('100/1m'), { text: '100/1m', starts: 100, spanMs: 60_000 });
  t.same(parseRate('1/100ms'), { text: '1/100ms', starts: 1, spanMs: 100 });
  t.same(parseRate('1000000/24h'), { text: '1000000/24h', starts: 1_000_000, spanMs: 86_400_000 });
  t.same(parseRate('5/1m30s'), { text: '5/1m30s', starts: 5, spanMs: 90_000 });
});

t.test('what is none is refused with what one looks like', async (t) => {
  const none = [
    '',
    '100',
    '100/',
    '/1m',
    '0/1m',
    '1.5/1m',
    '-1/1m',
    '1000001/1m',
    '1/99ms',
    '1/24h1ms',
    ' 1/1m',
    '1 / 1m',
    '1e3/1m',
    '10/m',
    '10/1y',
  ];
  for (const text of none) t.match((parseRate(text) as { error: string }).error, /such as "100\/1m"/, text);
});

t.test('starts are as far apart as they can be evenly', async (t) => {
  const { gapMs, toleranceMs } = paceOf(rate('100/1m'));
  t.ok(gapMs >= 600 && gapMs < 601, `${gapMs}`);
  t.equal(toleranceMs, 0, 'none is early');
  const fast = paceOf(rate('10000/1s'));
  t.ok(fast.toleranceMs > 0 && fast.toleranceMs <= 5, 'many a millisecond make up for late timers');
});

t.test('in no stretch of its span do more start, however late each of them is', async () => {
  const one = fc.record({
    starts: fc.integer({ min: 1, max: 400 }),
    spanMs: fc.integer({ min: 100, max: 5000 }),
    lateBy: fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 50 }),
  });
  fc.assert(
    fc.property(one, ({ starts, spanMs, lateBy }) => {
      const { gapMs, toleranceMs } = paceOf({ text: '', starts, spanMs });
      const times: number[] = [];
      let place = 0;
      for (let i = 0; i < 1000; i++) {
        const now = Math.max(times.at(-1) ?? 0, place - toleranceMs) + (lateBy[i % lateBy.length] as number);
        times.push(now);
        place = Math.max(now, place) + gapMs;
      }
      return times.every((time, i) => i < starts || time - (times[i - starts] as number) >= spanMs);
    }),
    { numRuns: 200 },
  );
});
