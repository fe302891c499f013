/** Steps of many in one queue: fair, and some milliseconds of them in a turn of the event loop. */
import t from 'tap';
import { Turns } from '../../../src/server/bodies/turns.js';

/** Turns come when the test says so; time passes as the steps say. */
function open() {
  const clock = { now: 0 };
  const later: (() => void)[] = [];
  const turns = new Turns({ now: () => clock.now, soon: (turn) => void later.push(turn) });
  const done: string[] = [];
  /** The next turn of the loop; returns who had a step in it. */
  const turn = (): string => {
    later.shift()?.();
    return done.splice(0).join('');
  };
  /** Somebody who takes so many steps of so many milliseconds. */
  const needs = (name: string, steps: number, ms: number): void => {
    const step = (): void => {
      done.push(name);
      clock.now += ms;
      if (--steps > 0) turns.add(step);
    };
    turns.add(step);
  };
  return { needs, turn, done, asked: () => later.length };
}

t.test('who is alone begins at once, and has all its steps if there is time', async (t) => {
  const { needs, turn, done, asked } = open();
  needs('a', 4, 1);
  t.same(done.splice(0), ['a', 'a', 'a', 'a']);
  t.equal(turn(), '');
  t.equal(asked(), 0, 'no turn is asked for when nothing waits');
  needs('b', 1, 1);
  t.same(done, ['b'], 'nor was there one to wait for');
});

t.test('who comes in the same turn waits for the next, though nothing waits any more', async (t) => {
  const { needs, turn, done } = open();
  for (const name of ['a', 'b', 'c', 'd']) needs(name, 1, 4);
  t.same(done.splice(0), ['a']);
  t.equal(turn(), 'bc', 'five milliseconds are over with the second');
  t.equal(turn(), 'd');
});

t.test('a turn takes a few milliseconds of steps, and everybody has one before anybody has the next', async (t) => {
  const { needs, turn, done, asked } = open();
  for (const name of ['a', 'b', 'c', 'd', 'e']) needs(name, 3, 2);
  t.same(done.splice(0), ['a', 'a', 'a'], 'there was nobody else');
  t.equal(turn(), 'bcd');
  t.equal(turn(), 'ebc');
  t.equal(turn(), 'deb');
  t.equal(turn(), 'cde');
  t.equal(turn(), '');
  t.equal(asked(), 0);
});

t.test('a step that takes long is the only one of its turn', async (t) => {
  const { needs, turn, done } = open();
  for (const name of ['a', 'b', 'c']) needs(name, 2, 100);
  t.same(done.splice(0), ['a']);
  t.same([turn(), turn(), turn(), turn(), turn(), turn()], ['a', 'b', 'c', 'b', 'c', '']);
});
