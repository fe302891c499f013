/** The history: points of ten seconds and of five minutes, kept for their time, over restarts, and whole or not at all. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { latenessBounds } from '../../src/telemetry/counts.js';
import { History, historyFile, type Totals } from '../../src/telemetry/history/history.js';
import {
  mergedPoints,
  type Point,
  quantile,
  readPoint,
  together,
  writePoint,
} from '../../src/telemetry/history/point.js';

const buckets = latenessBounds.length + 1;
const start = Date.UTC(2024, 0, 2, 15, 0, 0);
const second = 1000;

/** A server's totals that grow as the test says. */
function world(directory: string) {
  const at = { now: start };
  const lateness = new Array<number>(buckets).fill(0);
  const totals = { created: 0, started: 0, succeeded: 0, failed: 0, pending: 0, running: 0 };
  const failures: unknown[] = [];
  const opened: History[] = [];
  t.teardown(() => Promise.all(opened.map((history) => history.stop())));
  const open = async () => {
    const history = await History.open({
      directory,
      now: () => at.now,
      totals: (): Totals => ({ ...totals, lateness: [...lateness] }),
      onFailure: (error) => failures.push(error),
    });
    opened.push(history);
    return history;
  };
  return { at, totals, lateness, failures, open };
}

/** Goes to just behind the end of a step, as the timer does. */
function step(w: ReturnType<typeof world>, history: History, started: number): void {
  w.totals.created += started + 1;
  w.totals.started += started;
  w.totals.succeeded += started;
  w.totals.pending = started;
  w.lateness[0] = (w.lateness[0] as number) + started;
  w.at.now += 10 * second;
  history.record();
}

t.test('a point tells what happened in its ten seconds, and thirty of them are five minutes', async (t) => {
  const w = world(t.testdir());
  const history = await w.open();
  w.at.now += 20;
  for (let n = 1; n <= 31; n++) step(w, history, n);
  const points = history.points('10s', 0, w.at.now);
  t.equal(points.length, 31);
  t.match(points[4], { at: start + 40 * second, created: 6, started: 5, succeeded: 5, failed: 0, pending: 5 });
  t.equal(points[4]!.lateness[0], 5);
  const [long, ...others] = history.points('5m', 0, w.at.now);
  t.match(long, { at: start, started: (30 * 31) / 2, pending: 30 });
  t.same(others, [], 'five minutes that are not over are not shown');
  t.equal(history.points('10s', start + 20 * second, start + 40 * second).length, 3, 'both ends are included');
});

t.test('points of several nodes are one for each step', async (t) => {
  const point = (at: number, count: number): Point => ({
    ...{ at, created: count, started: count, succeeded: count, failed: 0, pending: count, running: count },
    lateness: [count, 0, 1],
  });
  const merged = mergedPoints([[point(10, 1), point(20, 2)], [point(20, 3), point(30, 4)], []]);
  t.same(merged, [point(10, 1), { ...point(20, 5), lateness: [5, 0, 2] }, point(30, 4)]);
});

t.test('what was written is there after a kill, and what was torn is not', async (t) => {
  const directory = t.testdir();
  const w = world(directory);
  const history = await w.open();
  history.start();
  w.at.now += 20;
  for (let n = 1; n <= 5; n++) step(w, history, n);
  const size = () => statSync(join(directory, historyFile)).size;
  await history.stop();
  t.ok(size() < 1024 * 1024);
  const again = await w.open();
  t.same(
    again.points('10s', 0, w.at.now).map(({ started }) => started),
    [1, 2, 3, 4, 5],
  );
  const bytes = readFileSync(join(directory, historyFile));
  const pointAt = bytes.indexOf(writePoint(again.points('10s', 0, w.at.now)[2]!));
  bytes[pointAt + 12] = 0xff;
  writeFileSync(join(directory, historyFile), bytes);
  t.same(
    (await w.open()).points('10s', 0, w.at.now).map(({ started }) => started),
    [1, 2, 4, 5],
  );
  t.same(w.failures, []);
});

t.test('each step goes on over a restart in its midst, and totals that begin anew take nothing away', async (t) => {
  const w = world(t.testdir());
  const history = await w.open();
  history.start();
  w.totals.started = 7;
  w.at.now += 5 * second;
  await history.stop();
  w.totals.started = 0;
  const second_ = await w.open();
  second_.start();
  w.totals.started = 2;
  w.at.now += 5 * second + 20;
  second_.record();
  t.equal(second_.points('10s', 0, w.at.now)[0]?.started, 9);
  await second_.stop();
});

t.test('three hours and seven days are kept, and places are used again', async (t) => {
  const w = world(t.testdir());
  const history = await w.open();
  w.at.now += 20;
  for (let n = 0; n < 2000; n++) step(w, history, 1);
  t.equal(history.points('10s', 0, w.at.now).length, 1080);
  t.equal(history.points('5m', 0, w.at.now).length, 66);
  t.ok(history.points('10s', 0, w.at.now).every(({ at }, index, all) => index === 0 || at > all[index - 1]!.at));
});

t.test(
  'a file that is none of its own is begun anew, and a directory that takes none costs nothing but the file',
  async (t) => {
    const directory = t.testdir({ [historyFile]: 'something else' });
    const w = world(directory);
    const history = await w.open();
    w.at.now += 20;
    step(w, history, 3);
    t.equal(history.points('10s', 0, w.at.now).length, 1);
    const nowhere = world(join(directory, 'missing'));
    const unwritten = await nowhere.open();
    t.equal(nowhere.failures.length, 1);
    nowhere.at.now += 20;
    step(nowhere, unwritten, 3);
    t.equal(unwritten.points('10s', 0, nowhere.at.now).length, 1);
  },
);

t.test('quantiles of a histogram', async (t) => {
  t.equal(quantile([1, 2, 4], [0, 0, 0, 0], 0.5), undefined);
  t.equal(quantile([1, 2, 4], [10, 0, 0, 0], 0.5), 0.5);
  t.equal(quantile([1, 2, 4], [5, 5, 0, 0], 0.99), 1.98);
  t.equal(quantile([1, 2, 4], [0, 0, 0, 3], 0.5), 4, 'beyond all bounds there is the last of them');
});

t.test('a point as bytes', async (t) => {
  const lateness = latenessBounds.map((_, index) => index).concat(9);
  const point = { at: start, created: 1, started: 2, succeeded: 3, failed: 4, pending: 5, running: 6, lateness };
  const bytes = writePoint(point);
  t.same(readPoint(bytes), point);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 1;
    t.equal(readPoint(damaged), undefined);
  }
  t.equal(readPoint(Buffer.alloc(bytes.length)), undefined);
  t.match(together(point, { ...point, pending: 1 }), { created: 2, failed: 8, pending: 1 });
});
