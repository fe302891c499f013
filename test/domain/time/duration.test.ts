import fc from 'fast-check';
import t from 'tap';
import { formatDuration, maxDurationMs, parseDuration } from '../../../src/domain/time/duration.js';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const accepted: readonly (readonly [text: string, ms: number])[] = [
  ['300ms', 300],
  ['10m', 10 * minute],
  ['1h30s', hour + 30 * second],
  ['1.5h', 90 * minute],
  ['2d', 2 * day],
  ['1w', 7 * day],
  ['5s', 5 * second],
  ['0s', 0],
  ['0ns', 0],
  ['000m', 0],
  ['010m', 10 * minute],
  ['1w2d3h4m5s6ms', 9 * day + 3 * hour + 4 * minute + 5 * second + 6],
  ['30s1h', hour + 30 * second],
  ['1h1h', 2 * hour],
  ['1m1ms', minute + 1],
  ['3650d', maxDurationMs],
  ['87600h', maxDurationMs],
  // Binary fractions must not show.
  ['1.1s', 1100],
  ['1.001s', 1001],
  ['4.35s', 4350],
  ['1.005s', 1005],
  ['0.29s', 290],
  ['1.15h', 69 * minute],
  ['0.1s0.2s', 300],
  // Rounded up to whole milliseconds, once, over the sum.
  ['1ns', 1],
  ['1us', 1],
  ['999us', 1],
  ['1000us', 1],
  ['1001us', 2],
  ['1500\u00b5s', 2],
  ['1500\u03bcs', 2],
  ['500us500us', 1],
  ['0.5ms0.5ms', 1],
  ['0.1ms', 1],
  ['1.0001s', 1001],
  ['1000000ns', 1],
  ['1000001ns', 2],
  ['1s1ns', 1001],
  [`${'1s'.repeat(50)}`, 50 * second],
];

const refused: readonly (readonly [text: string, reason: RegExp])[] = [
  ['', /empty.*such as/],
  ['-1m', /sign/],
  ['+1m', /sign/],
  ['\u22121m', /sign/],
  ['5', /no unit.*such as/],
  ['1.5', /no unit/],
  ['0', /no unit/],
  ['1h30', /no unit after 30/],
  ['1h-5m', /sign/],
  ['1e9h', /unit "e"/],
  ['5x', /unit "x".*ms/],
  ['5M', /unit "M"/],
  ['5min', /unit "min"/],
  ['1y', /unit "y"/],
  ['1h30x', /unit "x"/],
  [' 5m', /spaces/],
  ['5m ', /spaces/],
  ['1h 30s', /spaces/],
  ['5 m', /spaces/],
  ['5m\n', /spaces/],
  ['m', /not a duration/],
  ['ms', /not a duration/],
  ['.5h', /not a duration/],
  ['1.h', /not a duration/],
  ['1,5h', /not a duration/],
  ['1.5.5h', /not a duration/],
  ['\uff15m', /not a duration/],
  ['PT5M', /not a duration/],
  ['Infinity', /not a duration/],
  ['3650d1ms', /10 years/],
  ['3650d1ns', /10 years/],
  ['11w99999999999h', /10 years/],
  [`${'9'.repeat(99)}h`, /10 years/],
  [`${'9'.repeat(98)}us`, /10 years/],
  [`0.${'9'.repeat(99)}s`, /100 characters/],
  ['1s'.repeat(200_000), /100 characters/],
];

t.test('durations that are accepted', async (t) => {
  for (const [text, ms] of accepted) t.same(parseDuration(text), { ms }, text);
});

t.test('durations that are refused, and why', async (t) => {
  for (const [text, reason] of refused) {
    const answer = parseDuration(text);
    t.match('error' in answer ? answer.error : `accepted as ${answer.ms} ms`, reason, text.slice(0, 40));
  }
});

t.test('decimal fractions are exact', async () => {
  const units = { s: second, m: minute, h: hour, d: day };
  fc.assert(
    fc.property(fc.constantFrom('s', 'm', 'h', 'd' as const), fc.nat(80), fc.nat(999), (unit, whole, thousandths) => {
      const text = `${whole}.${String(thousandths).padStart(3, '0')}${unit}`;
      const expected = ((whole * 1000 + thousandths) * units[unit as 's']) / 1000;
      return JSON.stringify(parseDuration(text)) === JSON.stringify({ ms: expected });
    }),
  );
});

t.test('never throws, and never answers but whole milliseconds within the bounds', async () => {
  const piece = fc.oneof(fc.string(), fc.constantFrom('1', '9.9', 'h', 'ms', 'us', '-', ' ', '\u00b5s', 'e', '.'));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const answer = parseDuration(pieces.join(''));
      return 'error' in answer
        ? answer.error.length > 10
        : Number.isInteger(answer.ms) && answer.ms >= 0 && answer.ms <= maxDurationMs;
    }),
    { numRuns: 2000 },
  );
});

const shown: readonly (readonly [ms: number, up: string, down: string])[] = [
  [0, '0s', '0s'],
  [-5, '0s', '0s'],
  [-0.5, '0s', '0s'],
  [0.2, '1ms', '0s'],
  [1, '1ms', '1ms'],
  [250, '250ms', '250ms'],
  [999, '999ms', '999ms'],
  [999.5, '1s', '999ms'],
  [1000, '1s', '1s'],
  [1000.2, '2s', '1s'],
  [1001, '2s', '1s'],
  [1500, '2s', '1s'],
  [59_000, '59s', '59s'],
  [59_001, '1m0s', '59s'],
  [60_000, '1m0s', '1m0s'],
  [10 * minute, '10m0s', '10m0s'],
  [10 * minute - 3, '10m0s', '9m59s'],
  [330_000, '5m30s', '5m30s'],
  [hour - 1, '1h0m0s', '59m59s'],
  [hour, '1h0m0s', '1h0m0s'],
  [72 * hour + 15 * minute + 30 * second, '72h15m30s', '72h15m30s'],
  [maxDurationMs, '87600h0m0s', '87600h0m0s'],
];

t.test("durations are shown in Go's form", async (t) => {
  for (const [ms, up, down] of shown) {
    t.equal(formatDuration(ms, 'up'), up, `${ms} up`);
    t.equal(formatDuration(ms, 'down'), down, `${ms} down`);
  }
});

t.test('what is shown reads back as the same time, up to the rounding', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxDurationMs - 1000 }), (ms) => {
      const up = parseDuration(formatDuration(ms, 'up'));
      const down = parseDuration(formatDuration(ms, 'down'));
      if ('error' in up || 'error' in down) return false;
      const step = ms < 1000 ? 1 : 1000;
      return up.ms >= ms && up.ms - ms < step && down.ms <= ms && ms - down.ms < step;
    }),
  );
});
