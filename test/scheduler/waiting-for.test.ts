/** What answers show a due job to wait for is read off the decision that keeps it waiting. */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { make, running } from './worlds.js';

t.test('a job without a handler waits and shows it; with one it does neither', async (t) => {
  const first = new World({ handlers: [anyHandler('gone')], poolCapacity: 0 });
  const seq = make(first, { name: 'gone' });
  const without = first.restart();
  without.settle();
  t.equal(without.scheduler.waitingFor('gone'), undefined, 'its handler is here, and it waits for a thread');
  const other = without.restart({ handlers: [anyHandler('noop')], poolCapacity: 8 });
  t.equal(other.scheduler.waitingFor('gone'), 'handler');
  other.settle();
  t.same(running(other), []);
  t.equal(other.scheduler.waitingFor('gone'), 'handler', 'also when it stands in the line');
  t.equal(other.scheduler.waitingFor('noop'), undefined);
  const again = other.restart({ handlers: [anyHandler('gone')] });
  again.settle();
  t.same(running(again), [seq]);
  t.equal(again.scheduler.waitingFor('gone'), undefined);
});

t.test('a job of a type at its limit waits for no handler', async (t) => {
  const world = new World({ handlers: [anyHandler('one', { concurrency: 1 })] });
  make(world, { name: 'one' });
  make(world, { name: 'one' });
  t.equal(running(world).length, 1);
  t.equal(world.scheduler.waitingFor('one'), undefined);
});
