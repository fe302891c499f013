import t from 'tap';
import { Dispatched } from '../../src/pool/dispatched.js';

function dispatch(): Dispatched {
  return new Dispatched({
    jobSeq: 1,
    fence: 1,
    jobId: 'job_1',
    name: 'any',
    payload: '{}',
    attempt: 1,
    scheduledFor: 0,
    timeoutMs: 100,
    alone: false,
  });
}

t.test('an attempt is sent once at a time, recalled only when sent, and may be sent again', (t) => {
  const dispatched = dispatch();
  t.throws(() => dispatched.recall(), /is waiting, not sent/);
  dispatched.send(7, 2);
  t.match(dispatched, { slot: 7, expectedMs: 2 });
  t.throws(() => dispatched.send(8, 2), /is sent, not waiting/);
  dispatched.recall();
  t.equal(dispatched.slot, 0);
  dispatched.send(9, 1);
  t.match(dispatched, { slot: 9, expectedMs: 1 });
  t.end();
});

t.test('it has one outcome, waiting or sent, and goes nowhere after it', (t) => {
  const waiting = dispatch();
  waiting.conclude();
  t.throws(() => waiting.conclude(), /second outcome/);
  t.throws(() => waiting.send(1, 1), /is concluded/);
  const sent = dispatch();
  sent.send(1, 1);
  sent.conclude();
  t.throws(() => sent.recall(), /is concluded/);
  t.end();
});

t.test('the wait for a report counts from when it was first seen settled', (t) => {
  const dispatched = dispatch();
  t.equal(dispatched.unreportedMs(false, 1000), 0);
  t.equal(dispatched.unreportedMs(true, 2000), 0);
  t.equal(dispatched.unreportedMs(true, 2500), 500);
  t.equal(dispatched.unreportedMs(false, 2600), 0);
  t.equal(dispatched.unreportedMs(true, 3000), 0);
  t.end();
});
