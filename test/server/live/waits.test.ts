/** Answers that wait: by what they end, how many there may be, and that nothing stays behind. */
import t from 'tap';
import type { EventBody, JobEvent } from '../../../src/domain/events.js';
import type { Exchange } from '../../../src/server/http/exchange.js';
import { Waits } from '../../../src/server/live/waits.js';

function exchange(): Exchange & { gone: () => void } {
  const made = {
    gone: () => {},
    rest: (whenGone: () => void) => {
      made.gone = whenGone;
    },
  };
  return made as unknown as Exchange & { gone: () => void };
}

const event = (jobSeq: number, body: EventBody): JobEvent => ({
  seq: 1,
  jobSeq,
  idSeconds: 1,
  jobName: 'a',
  at: 0,
  body,
});
const completed: EventBody = { type: 'job.completed', durationMs: 1 };
const failed = (final: boolean): EventBody => ({ type: 'job.failed', error: 'x', retryCount: 0, maxRetries: 3, final });

t.test('they end with their own job, once, and not with a failure that is tried again', (t) => {
  const waits = new Waits();
  const answered: string[] = [];
  t.equal(
    waits.add(1, 60_000, exchange(), () => answered.push('a')),
    true,
  );
  waits.add(1, 60_000, exchange(), () => answered.push('b'));
  waits.add(2, 60_000, exchange(), () => answered.push('c'));
  waits.add(3, 60_000, exchange(), () => answered.push('d'));
  waits.publish([event(1, failed(false)), event(1, { type: 'job.started', attempt: 1 }), event(4, completed)]);
  t.same(answered, []);
  waits.publish([
    event(1, completed),
    event(2, failed(true)),
    event(3, { type: 'job.cancelled', previousStatus: 'running' }),
  ]);
  t.same(answered, ['a', 'b', 'c', 'd']);
  waits.publish([event(1, completed)]);
  t.equal(answered.length, 4);
  t.end();
});

t.test('too many are not taken; one whose client has gone makes room', (t) => {
  const waits = new Waits(1);
  const first = exchange();
  const answered: string[] = [];
  t.equal(
    waits.add(1, 60_000, first, () => answered.push('a')),
    true,
  );
  t.equal(
    waits.add(1, 60_000, exchange(), () => answered.push('b')),
    false,
  );
  first.gone();
  t.equal(
    waits.add(1, 60_000, exchange(), () => answered.push('c')),
    true,
  );
  waits.close();
  t.same(answered, ['c'], 'at the end all are answered');
  t.equal(
    waits.add(1, 60_000, exchange(), () => answered.push('d')),
    false,
  );
  t.end();
});

t.test('time ends them too', async (t) => {
  const waits = new Waits();
  await new Promise<void>((resolve) => waits.add(1, 1, exchange(), () => resolve()));
  t.pass();
});
