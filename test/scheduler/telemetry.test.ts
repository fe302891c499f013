/** What telemetry is told of commits, merges and attempts. */
import t from 'tap';
import { recorded } from '../support/telemetry.js';
import { World } from '../support/world.js';
import { after, make, second } from './worlds.js';

t.test('attempts: how late each started, and how it ended', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const seq = make(world, { trigger: after(second), maxRetries: 0 });
  world.clock.advance(second + 250);
  world.settle();
  world.end(seq, { kind: 'failed' });
  t.same(
    heard.filter(([call]) => call.startsWith('attempt')),
    [
      ['attemptStarted', 'noop', 250],
      ['attemptEnded', 'noop', 'failed', 5],
    ],
  );
});

t.test('after a crash an attempt counts as started once its record is on disk', async (t) => {
  const before = new World();
  const seq = make(before);
  const { heard, telemetry } = recorded();
  const world = before.crash({ telemetry });
  t.notOk(world.pool.attempts.has(seq));
  t.notMatch(heard, [['attemptStarted']]);
  world.settle();
  t.ok(world.pool.attempts.has(seq));
  t.equal(heard.filter(([call]) => call === 'attemptStarted').length, 1);
});

t.test('commits: the jobs they change, their bytes and their time; merges: their time', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry, mergeRows: 2 });
  world.store.afterCommit = () => world.clock.advance(3);
  make(world, { trigger: after(second) });
  t.match(heard, [['committed', 1, Number, 3]]);
  t.ok((heard[0]?.[2] as number) > 50, 'a record has a job in it');
  world.store.afterCommit = () => {};
  make(world, { trigger: after(second) });
  t.same(
    heard.filter(([call]) => call === 'merged'),
    [['merged', 0]],
  );
});
