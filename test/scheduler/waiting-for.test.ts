/** What answers show a due job to wait for is read off the decision that keeps it waiting. */
import t from 'tap';
import type { Job } from '../../src/domain/job.js';
import { anyHandler, World } from '../support/world.js';
import { make, running } from './worlds.js';

const shown = ({ scheduler, memtable }: World, seq: number): string | undefined =>
  scheduler.waitingFor(memtable.job(seq) as Job);

t.test('a job without a handler waits and shows it; with one it does neither', async (t) => {
  const first = new World({ handlers: [anyHandler('gone')], poolCapacity: 0 });
  const seq = make(first, { name: 'gone' });
  const without = first.restart();
  without.settle();
  t.equal(shown(without, seq), 'thread', 'its handler is here, and there is no thread');
  const other = without.restart({ handlers: [anyHandler('noop')], poolCapacity: 8 });
  t.equal(shown(other, seq), 'handler');
  other.settle();
  t.same(running(other), []);
  t.equal(shown(other, seq), 'handler', 'also when it stands in the line');
  const again = other.restart({ handlers: [anyHandler('gone')] });
  again.settle();
  t.same(running(again), [seq]);
  t.equal(shown(again, seq), undefined);
});

t.test('a job of a type at its limit waits for that', async (t) => {
  const world = new World({ handlers: [anyHandler('one', { concurrency: 1 })] });
  make(world, { name: 'one' });
  const second = make(world, { name: 'one' });
  t.equal(running(world).length, 1);
  t.equal(shown(world, second), 'type_concurrency');
});

t.test(
  'a type that loses its handler while the server runs waits, and starts as soon as it has one again',
  async (t) => {
    const world = new World({ handlers: [anyHandler('gone', { maxRetries: 7 }), anyHandler('kept')] });
    world.settle();
    const later = world.clock.now() + 1000;
    const seq = make(world, { name: 'gone', trigger: { kind: 'at', at: later } });
    world.replaceHandlers([anyHandler('kept')]);
    t.equal(shown(world, seq), 'handler');
    world.pass(1000);
    t.same(running(world), []);
    t.equal(shown(world, seq), 'handler', 'also when it stands in the line');
    world.replaceHandlers([anyHandler('gone', { maxRetries: 1 })]);
    world.settle();
    t.same(running(world), [seq]);
    t.equal(world.queries.list({ limit: 1, offset: 0 }).jobs[0]?.spec.maxRetries, 7, 'with what it was made with');
  },
);

t.test('a limit that has changed holds for jobs that wait already', async (t) => {
  const world = new World({ handlers: [anyHandler('one', { concurrency: 1 })] });
  for (let job = 0; job < 4; job++) make(world, { name: 'one' });
  t.equal(running(world).length, 1);
  world.replaceHandlers([anyHandler('one', { concurrency: 3 })]);
  world.settle();
  t.equal(running(world).length, 3);
  world.replaceHandlers([anyHandler('one', { concurrency: 1 })]);
  world.settle();
  t.equal(running(world).length, 3, 'what runs goes on');
});
