/** May a job start now; if not, why, and when to ask again: the decision by itself, case by case. */
import t from 'tap';
import {
  type JobCircumstances,
  placesLeft,
  shownWait,
  type Trials,
  type TypeUse,
  whyServerWaits,
  whySuspectWaits,
  whyTypeWaits,
} from '../../../src/scheduler/admission/admission.js';

const unbounded: TypeUse = {
  paused: false,
  mayStartAt: Number.NEGATIVE_INFINITY,
  concurrency: Number.POSITIVE_INFINITY,
  places: Number.POSITIVE_INFINITY,
  running: 1000,
};
const noTrials: Trials = { running: 0, wave: 4, byItself: false, firstEndsAt: Number.POSITIVE_INFINITY };

t.test('the server is asked first: whether its mode starts anything, and whether the pool has a place', async (t) => {
  t.equal(whyServerWaits(false, false, 8)?.waitsFor, 'server');
  t.equal(whyServerWaits(false, false, 0)?.waitsFor, 'server', 'the mode comes before the pool');
  t.equal(whyServerWaits(true, false, 0)?.waitsFor, 'thread');
  t.equal(whyServerWaits(true, false, -1)?.waitsFor, 'thread', 'the pool may take fewer than are being written');
  t.equal(whyServerWaits(true, false, 1), undefined);
  t.equal(whyServerWaits(true, true, 1)?.waitsFor, 'server_paused');
  t.equal(whyServerWaits(true, true, 0)?.waitsFor, 'server_paused', 'a pause comes before the pool');
  t.equal(whyServerWaits(false, true, 1)?.waitsFor, 'server');
});

t.test('a type waits for the end of its pause, its handler, its own limit, threads, in this order', async (t) => {
  const cases: [change: Partial<TypeUse>, waitsFor: string | undefined, left: number][] = [
    [{}, undefined, Number.POSITIVE_INFINITY],
    [{ paused: true, concurrency: undefined, places: 0, running: 0 }, 'type_paused', 0],
    [{ paused: true }, 'type_paused', 0],
    [{ concurrency: undefined, places: 0, running: 0 }, 'handler', 0],
    [{ concurrency: 2, places: 2, running: 2 }, 'type_concurrency', 0],
    [{ concurrency: 2, running: 3 }, 'type_concurrency', 0],
    [{ concurrency: 2, running: 1 }, undefined, 1],
    [{ concurrency: 2, places: 0, running: 0 }, 'thread', 0],
    [{ concurrency: 9, places: 5, running: 3 }, undefined, 2],
    [{ mayStartAt: 1001, concurrency: 2, running: 2 }, 'rate', 0],
    [{ mayStartAt: 1001, concurrency: undefined }, 'handler', 0],
    [{ mayStartAt: 1000, concurrency: 9, running: 2 }, undefined, 1],
    [{ mayStartAt: 1000, concurrency: 2, running: 2 }, 'type_concurrency', 0],
  ];
  for (const [change, waitsFor, left] of cases) {
    const type = { ...unbounded, ...change };
    t.equal(whyTypeWaits(type, 1000)?.waitsFor, waitsFor, JSON.stringify(change));
    t.equal(placesLeft(type, 1000), left, `places left: ${JSON.stringify(change)}`);
  }
});

t.test('a suspect waits for a place in its wave, one that was interrupted twice for all others', async (t) => {
  t.equal(whySuspectWaits(0, noTrials), undefined);
  t.equal(whySuspectWaits(2, noTrials), undefined);
  const two = { ...noTrials, running: 2, firstEndsAt: 7000 };
  t.equal(whySuspectWaits(1, two), undefined);
  t.same(whySuspectWaits(2, two), { waitsFor: 'trial', askAgainAt: 7000 });
  t.same(whySuspectWaits(0, { ...two, running: 4 }), { waitsFor: 'trial', askAgainAt: 7000 });
  t.same(whySuspectWaits(0, { ...two, running: 1, byItself: true }), { waitsFor: 'trial', askAgainAt: 7000 });
});

t.test('only a trial ends without an event', async (t) => {
  const waits = [
    whyServerWaits(false, false, 1),
    whyServerWaits(true, false, 0),
    whyTypeWaits({ ...unbounded, places: 0 }, 1000),
  ];
  for (const wait of waits) t.equal(wait?.askAgainAt, Number.POSITIVE_INFINITY, `for ${wait?.waitsFor}`);
});

t.test('a rate says when to ask again', async (t) => {
  t.same(whyTypeWaits({ ...unbounded, mayStartAt: 1234 }, 1000), { waitsFor: 'rate', askAgainAt: 1234 });
});

t.test('answers show the first that holds', async (t) => {
  const free = { running: 0, limit: 1 };
  const nothing = {
    paused: false,
    type: unbounded,
    serverPaused: false,
    runsBefore: false,
    group: free,
    free: 1,
    now: 1000,
  };
  t.equal(shownWait(nothing), undefined, 'it is about to start');
  const cases: [change: Partial<JobCircumstances>, type: Partial<TypeUse>, shown: string][] = [
    [{ free: 0 }, {}, 'thread'],
    [{}, { places: 0 }, 'thread'],
    [{ group: { running: 1, limit: 1 } }, { places: 0 }, 'group_concurrency'],
    [{}, { concurrency: 1 }, 'type_concurrency'],
    [{}, { mayStartAt: 2000 }, 'rate'],
    [{ runsBefore: true }, {}, 'previous_run'],
    [{}, { concurrency: undefined }, 'handler'],
    [{ serverPaused: true }, {}, 'server_paused'],
    [{}, { paused: true }, 'type_paused'],
    [{ paused: true }, {}, 'paused'],
  ];
  // Each goes before all that stand above it.
  let job: JobCircumstances = nothing;
  for (const [change, type, shown] of cases) {
    job = { ...job, ...change, type: { ...job.type, ...type } };
    t.equal(shownWait(job), shown);
  }
});
