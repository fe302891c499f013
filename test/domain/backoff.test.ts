import fc from 'fast-check';
import t from 'tap';
import { backoffMs } from '../../src/domain/backoff.js';

const minute = 60_000;
const day = 24 * 60 * minute;

t.test('exponential backoff doubles from the delay', async (t) => {
  const spec = { backoff: 'exponential', retryDelayMs: minute } as const;
  t.same(
    [1, 2, 3, 4, 5].map((n) => backoffMs(spec, n) / minute),
    [1, 2, 4, 8, 16],
  );
});

t.test('fixed backoff is the delay each time', async (t) => {
  const spec = { backoff: 'fixed', retryDelayMs: 1500 } as const;
  t.same(
    [1, 2, 50, 100].map((n) => backoffMs(spec, n)),
    [1500, 1500, 1500, 1500],
  );
});

t.test('exponential backoff stops growing at 24 hours', async (t) => {
  const spec = { backoff: 'exponential', retryDelayMs: minute } as const;
  t.equal(backoffMs(spec, 11), 1024 * minute);
  t.equal(backoffMs(spec, 12), day);
  t.equal(backoffMs(spec, 100), day);
});

t.test('a delay longer than 24 hours is kept: the bound only stops the growth', async (t) => {
  for (const backoff of ['exponential', 'fixed'] as const) {
    t.same(
      [1, 2, 100].map((n) => backoffMs({ backoff, retryDelayMs: 3 * day }, n)),
      [3 * day, 3 * day, 3 * day],
    );
  }
});

t.test('no delay stays none', async (t) => {
  t.equal(backoffMs({ backoff: 'exponential', retryDelayMs: 0 }, 100), 0);
});

t.test('retries never come closer together as they go on', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom('exponential' as const, 'fixed' as const),
      fc.integer({ min: 0, max: 3650 * day }),
      fc.integer({ min: 1, max: 99 }),
      (backoff, retryDelayMs, n) => {
        const spec = { backoff, retryDelayMs };
        const wait = backoffMs(spec, n);
        return Number.isSafeInteger(wait) && wait >= retryDelayMs && wait <= backoffMs(spec, n + 1);
      },
    ),
  );
});
