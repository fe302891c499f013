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
  t.equal(shown(without, seq), undefined, 'its handler is here, and it waits for a thread');
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

t.test('a job of a type at its limit waits for no handler', async (t) => {
  const world = new World({ handlers: [anyHandler('one', { concurrency: 1 })] });
  make(world, { name: 'one' });
  const second = make(world, { name: 'one' });
  t.equal(running(world).length, 1);
  t.equal(shown(world, second), undefined);
});
