import t from 'tap';
import { aloneLimit, choose, fits, type Load, maxQueued, room } from '../../src/pool/placement.js';
import { BlockingTimes } from '../../src/pool/shared/blocking-times.js';

const empty: Load = { accepts: true, queued: 0, queuedMs: 0, slotsInUse: 0, slotCount: 256 };

t.test('an empty thread takes one attempt, however long', (t) => {
  t.ok(fits(empty, 60_000));
  t.equal(room(empty, 60_000), 1);
  t.notOk(fits({ ...empty, queued: 1, queuedMs: 60_000, slotsInUse: 1 }, 0.001));
  t.end();
});

t.test('what waits on a thread is bounded in time', (t) => {
  t.equal(room(empty, 1), 4);
  const busy: Load = { ...empty, queued: 3, queuedMs: 3, slotsInUse: 3 };
  t.ok(fits(busy, 1));
  t.notOk(fits(busy, 1.5));
  t.equal(room(busy, 1), 1);
  t.end();
});

t.test('and in number', (t) => {
  t.equal(room(empty, 0.001), maxQueued);
  t.equal(room(empty, 0), maxQueued);
  t.notOk(fits({ ...empty, queued: maxQueued, queuedMs: 0.1, slotsInUse: maxQueued }, 0.001));
  t.end();
});

t.test('a thread whose slots are in use takes nothing, though all have begun', (t) => {
  t.notOk(fits({ ...empty, slotsInUse: 256 }, 0));
  t.equal(room({ ...empty, slotsInUse: 256 }, 0), 0);
  t.equal(room({ ...empty, slotsInUse: 250 }, 0), 6);
  t.notOk(fits({ ...empty, slotsInUse: 3, slotCount: 3 }, 0));
  t.equal(room({ ...empty, slotsInUse: 1, slotCount: 3 }, 0), 2);
  t.end();
});

t.test('one that does not accept takes nothing', (t) => {
  t.notOk(fits({ ...empty, accepts: false }, 0));
  t.equal(room({ ...empty, accepts: false }, 0), 0);
  t.end();
});

t.test('the choice is the one with the least to do', (t) => {
  const busy = { ...empty, queued: 1, queuedMs: 1, slotsInUse: 1 };
  const begun = { ...empty, slotsInUse: 9 };
  t.equal(choose([busy, begun], 1), begun);
  t.equal(choose([begun, empty], 1), empty);
  t.equal(choose([{ ...empty, accepts: false }, busy], 1), busy);
  t.equal(choose([{ ...empty, accepts: false }], 1), undefined);
  t.equal(choose([], 1), undefined);
  t.end();
});

t.test('attempts that run alone leave one thread, where there are two', (t) => {
  t.same([1, 2, 3, 8].map(aloneLimit), [1, 1, 2, 7]);
  t.end();
});

t.test('times are remembered by type, and a slow first call is forgotten', (t) => {
  const times = new BlockingTimes();
  t.equal(times.of('new'), 1);
  times.observe('quick', 20);
  t.equal(times.of('quick'), 20);
  for (let run = 0; run < 40; run++) times.observe('quick', 0.01);
  t.ok(times.of('quick') < 0.02);
  t.equal(times.of('new'), 1);
  t.end();
});
