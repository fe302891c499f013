/** Slots of repeating jobs within their bounds, and the starts that jitter makes of them. */
import fc from 'fast-check';
import t from 'tap';
import {
  countSlots,
  firstSlot,
  followingSlot,
  lastSlot,
  nextSlot,
  startOf,
} from '../../../src/domain/slots/schedule.js';
import { everyMinute, everyTenSeconds, noon, sampleSpec, sampleState } from '../../store/samples.js';

const anyTrigger = fc.constantFrom(everyMinute, everyTenSeconds);
const anyInstant = fc.integer({ min: noon - 600_000, max: noon + 600_000 });
const anyBound = fc.option(anyInstant, { nil: undefined });

t.test('no slot is before the begin or after the end, both included, and all others are there', async () => {
  fc.assert(
    fc.property(anyTrigger, anyBound, anyBound, anyInstant, anyInstant, (trigger, startAt, endAt, after, until) => {
      const bounded = { trigger, startAt, endAt };
      const isIn = (slot: number): boolean => slot >= (startAt ?? slot) && slot <= (endAt ?? slot);
      const all: number[] = [];
      for (
        let slot = nextSlot({ trigger }, after);
        slot !== undefined && slot <= until;
        slot = nextSlot({ trigger }, slot)
      )
        if (isIn(slot)) all.push(slot);
      const next = nextSlot(bounded, after);
      return (
        countSlots(bounded, after, until) === all.length &&
        lastSlot(bounded, after, until) === all.at(-1) &&
        (next === undefined || next > until ? all.length === 0 : next === all[0])
      );
    }),
  );
});

t.test('an interval is on the grid that begins at start_at', async (t) => {
  const spec = sampleSpec({
    trigger: { kind: 'interval', everyMs: 10_000, firstDue: noon + 3000 },
    startAt: noon + 3000,
  });
  t.equal(firstSlot(spec, noon), noon + 3000);
  t.equal(firstSlot(spec, noon + 4000), noon + 13_000);
});

t.test('jitter starts a slot later, before the next, and always by as much', async () => {
  fc.assert(
    fc.property(
      anyTrigger,
      fc.integer({ min: 0, max: 200_000 }),
      anyInstant,
      fc.nat(),
      (trigger, jitterMs, at, seq) => {
        const spec = sampleSpec({ trigger, jitterMs, seq });
        const slot = nextSlot(spec, at) as number;
        const start = startOf(spec, slot);
        const next = nextSlot(spec, slot) as number;
        return start >= slot && start < next && start <= slot + jitterMs && start === startOf(spec, slot);
      },
    ),
  );
});

t.test('jobs start at different instants of their jitter', async (t) => {
  const starts = Array.from({ length: 100 }, (_, seq) =>
    startOf(sampleSpec({ seq, trigger: everyMinute, jitterMs: 60_000 }), noon),
  );
  t.ok(new Set(starts).size > 90);
  const mean = starts.reduce((sum, start) => sum + start - noon, 0) / starts.length;
  t.ok(mean > 20_000 && mean < 40_000, `the mean is ${mean} ms`);
});

t.test('a slot that has passed is to come while its start is', async (t) => {
  const spec = sampleSpec({ trigger: everyMinute, jitterMs: 60_000 });
  const start = startOf(spec, noon);
  const state = sampleState({ occurrence: noon - 60_000 });
  if (start > noon) t.equal(followingSlot(spec, state, start - 1), noon);
  t.equal(followingSlot(spec, state, start), noon + 60_000);
});

t.test('after its last run nothing is to come', async (t) => {
  const spec = sampleSpec({ trigger: everyMinute, maxRuns: 2 });
  t.equal(followingSlot(spec, sampleState({ runCount: 1 }), noon), noon + 60_000);
  t.equal(followingSlot(spec, sampleState({ runCount: 2 }), noon), undefined);
});
