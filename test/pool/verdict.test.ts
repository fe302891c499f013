import t from 'tap';
import { Dispatched } from '../../src/pool/dispatched.js';
import type { SignalReason } from '../../src/pool/shared/messages.js';
import { cameTooLate, outcomesOfLoss, unreportedOutcome } from '../../src/pool/verdict.js';

function running(slot: number, signalled?: SignalReason): Dispatched {
  const dispatched = new Dispatched({
    jobSeq: slot,
    fence: 1,
    jobId: `job_${slot}`,
    name: 'any',
    payload: '{}',
    attempt: 1,
    scheduledFor: 0,
    timeoutMs: 100,
    alone: false,
  });
  dispatched.send(slot, 1);
  if (signalled) dispatched.signal(signalled, 0);
  return dispatched;
}

const ranMs = (): number => 500;
const died = { kind: 'died', message: 'the handler ended its thread (exit code 3)', ofMemory: false } as const;
const overrun = { kind: 'overrun', current: 0, silent: true } as const;

const charged = {
  kind: 'failed',
  code: 'worker_lost',
  message: died.message,
  retryable: true,
  durationMs: 500,
  suspect: true,
};
const late = { kind: 'failed', code: 'timeout', suspect: true };
const free = { kind: 'interrupted', begun: true, durationMs: 500, suspect: false };
const suspect = { ...free, suspect: true };

t.test('a thread that died', (t) => {
  t.match(outcomesOfLoss(died, 2, [running(1), running(2)], ranMs), [free, charged], 'in the call of one');
  t.match(outcomesOfLoss(died, 0, [running(1)], ranMs), [charged], 'with one on it');
  t.match(outcomesOfLoss(died, 7, [running(1)], ranMs), [charged], 'in the call of one that has ended meanwhile');
  t.match(outcomesOfLoss(died, 0, [running(1), running(2)], ranMs), [suspect, suspect], 'nobody knows by whom');
  const ofMemory = { ...died, ofMemory: true };
  t.match(
    outcomesOfLoss(ofMemory, 2, [running(1), running(2)], ranMs),
    [suspect, charged],
    'memory that all had filled',
  );
  t.match(outcomesOfLoss(died, 1, [running(1, 'cancelled')], ranMs), [free], 'by one that was cancelled anyway');
  t.match(outcomesOfLoss(died, 0, [running(1, 'timeout'), running(2)], ranMs), [late, suspect], 'in the grace of one');
  t.same(outcomesOfLoss(died, 0, [], ranMs), [], 'with nothing on it');
  t.end();
});

t.test('a thread that was stopped because it was held', (t) => {
  t.match(
    outcomesOfLoss({ ...overrun, current: 2 }, 2, [running(1), running(2)], ranMs),
    [free, late],
    'in the call of one',
  );
  t.match(outcomesOfLoss(overrun, 0, [running(1)], ranMs), [late], 'with one on it');
  t.match(outcomesOfLoss(overrun, 0, [running(1), running(2)], ranMs), [suspect, suspect], 'nobody knows by whom');
  t.match(
    outcomesOfLoss(overrun, 0, [running(1)], () => 50),
    [{ ...free, durationMs: 50 }],
    'by one within its time',
  );
  t.end();
});

t.test('a thread that was stopped because one ignored its signal', (t) => {
  const loss = { ...overrun, silent: false };
  t.match(outcomesOfLoss(loss, 0, [running(1, 'timeout'), running(2)], ranMs), [late, free]);
  t.match(outcomesOfLoss(loss, 0, [running(1, 'cancelled'), running(2, 'shutdown')], ranMs), [free, free]);
  t.end();
});

t.test('a handler that came to its end in the last moment of its thread', (t) => {
  t.match(unreportedOutcome(running(1), 500), free, 'nobody knows how');
  t.match(
    unreportedOutcome(running(1, 'timeout'), 500),
    { kind: 'failed', code: 'timeout' },
    'after its timeout that does not matter',
  );
  t.match(unreportedOutcome(running(1, 'cancelled'), 500), free);
  t.end();
});

t.test('the end of the pool charges nobody', (t) => {
  t.match(outcomesOfLoss({ kind: 'shutdown' }, 1, [running(1)], ranMs), [{ ...free, planned: true }]);
  const overrun = { kind: 'overrun', current: 0, silent: false } as const;
  for (const reason of ['shutdown', 'lease_lost'] as const)
    t.match(outcomesOfLoss(overrun, 0, [running(1, reason), running(2)], ranMs), [
      { kind: 'interrupted', planned: true },
      { kind: 'interrupted', planned: undefined },
    ]);
  t.end();
});

t.test('a handler that came to its end too late', (t) => {
  const starved = running(1);
  starved.starve();
  const signalledAnyway = running(1, 'timeout');
  signalledAnyway.starve();
  t.notOk(cameTooLate(running(1), 100), 'just in time');
  t.ok(cameTooLate(running(1), 101), 'late, though nobody had noticed');
  t.ok(cameTooLate(running(1, 'timeout'), 101));
  t.notOk(cameTooLate(running(1, 'timeout'), 99), 'its signal crossed its outcome');
  t.notOk(cameTooLate(starved, 900), 'something else held the thread');
  t.ok(cameTooLate(signalledAnyway, 900), 'it had its chance');
  t.notOk(cameTooLate(running(1, 'cancelled'), 900), 'its end no longer matters');
  t.end();
});
