import t from 'tap';
import type { Outcome } from '../../src/pool/port.js';
import { PoolHarness } from './harness.js';

/** A small generator of its own, so that a failing seed can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const harmless = ['noop', 'echo', 'sleep', 'fail', 'late_throw', 'floating_rejection', 'throw_odd', 'odd_result'];
const harmful = ['exit', 'exit_later', 'spin', 'spin_after_await', 'stubborn', 'oom'];

for (const seed of [1, 2, 3]) {
  t.test(
    `a mixture of all faults: each attempt ends exactly once, and all work gets done (seed ${seed})`,
    async (t) => {
      const random = randomFrom(seed);
      const harness = await PoolHarness.start(t, { threads: 2, graceMs: 50, threadMemoryMiB: 32 });
      const send = (name: string, alone: boolean): number => {
        const timeoutMs = name === 'spin' || name === 'spin_after_await' || name === 'stubborn' ? 100 : 20_000;
        if (name === 'exit_later') return harness.dispatch('exit', { afterMs: random(20) }, { alone });
        if (name === 'stubborn') return harness.dispatch(name, { ms: 60_000 }, { alone, timeoutMs });
        if (name === 'sleep') return harness.dispatch(name, { ms: random(30) }, { alone });
        if (name === 'throw_odd') return harness.dispatch(name, { what: 'proxy' }, { alone });
        if (name === 'odd_result') return harness.dispatch(name, { what: 'cycle' }, { alone });
        return harness.dispatch(name, {}, { alone, timeoutMs });
      };
      /** As the scheduler does: what was interrupted runs again, alone. */
      const runToItsEnd = async (name: string, jobSeq: number, cancelled: boolean): Promise<Outcome> => {
        const outcome = await harness.outcome(jobSeq);
        if (outcome.kind !== 'interrupted' || cancelled) return outcome;
        const again = send(name, outcome.begun);
        harness.pool.flush();
        return runToItsEnd(name, again, false);
      };

      const ends: Promise<void>[] = [];
      for (let round = 0; round < 12; round++) {
        for (let each = 0; each < 60; each++) {
          const name = (each === 30 ? harmful[random(harmful.length)] : harmless[random(harmless.length)]) as string;
          const jobSeq = send(name, random(40) === 0);
          const cancelled = random(20) === 0;
          if (cancelled) queueMicrotask(() => harness.pool.abort(jobSeq, 1, 'cancelled'));
          ends.push(runToItsEnd(name, jobSeq, cancelled).then((outcome) => check(t, name, outcome, cancelled)));
        }
        harness.pool.flush();
        const soFar = harness.outcomes.length;
        await harness.until(() => harness.outcomes.length > soFar + 30, 'half of them have ended');
      }
      await Promise.all(ends);
      await harness.until(() => harness.pool.alive === 2, 'the pool is whole');
      t.equal(harness.pool.inFlight, 0);
      t.same(harness.endedTwice, []);
    },
  );
}

function check(
  t: { equal(found: unknown, wanted: unknown, message: string): void },
  name: string,
  outcome: Outcome,
  cancelled: boolean,
): void {
  if (cancelled) return;
  const failing = ['fail', 'throw_odd', ...harmful];
  t.equal(outcome.kind, failing.includes(name) ? 'failed' : 'succeeded', `${name} ${JSON.stringify(outcome)}`);
  if (outcome.kind !== 'failed') return;
  const code = {
    exit: 'worker_lost',
    exit_later: 'worker_lost',
    oom: 'worker_lost',
    fail: 'handler_error',
    throw_odd: 'handler_error',
  };
  t.equal(outcome.code, (code as Record<string, string>)[name] ?? 'timeout', `${name} ${JSON.stringify(outcome)}`);
}
