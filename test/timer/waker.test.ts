/** The waker on real timers and a wall clock that is set back under it. */
import t from 'tap';
import { TimerWaker } from '../../src/timer/waker.js';
import { eventually } from '../support/client.js';

t.test('a clock that is set back between the timer and the turn', async (t) => {
  let wall = 1_000_000;
  const due = wall;
  let turns = 0;
  const waker: TimerWaker = new TimerWaker({ now: () => wall, monotonic: () => performance.now() }, () => {
    turns++;
    if (wall < due) waker.at(due);
  });
  t.teardown(() => waker.stop());
  waker.at(due);
  wall -= 500;
  await eventually(() => turns === 1, 'it was due');
  wall = due;
  await eventually(() => turns === 2, 'it is not asked again');
  t.equal(turns, 2);
});

t.test('a clock that is set back while it sleeps: the scheduler is asked anew', async (t) => {
  let wall = 1_000_000;
  let turns = 0;
  const waker = new TimerWaker({ now: () => wall, monotonic: () => performance.now() }, () => turns++);
  t.teardown(() => waker.stop());
  waker.at(wall + 250);
  wall -= 3_600_000;
  await eventually(() => turns === 1, 'it sleeps for an hour');
  t.equal(turns, 1);
});

t.test('a clock that is set back before it goes to sleep: the scheduler is asked within seconds', async (t) => {
  const due = 1_000_000;
  let turns = 0;
  // What the scheduler said is of a clock an hour ahead.
  const clock = { now: () => due - 3_600_000, monotonic: () => performance.now() };
  const waker = new TimerWaker(clock, () => turns++);
  t.teardown(() => waker.stop());
  waker.at(due);
  await eventually(() => turns === 1, 'it sleeps for an hour');
  t.equal(turns, 1);
});
