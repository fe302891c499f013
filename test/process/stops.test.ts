/** A process that was stopped is told from a main thread that was busy. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { commonSilence, ProcessStops, type Stretch } from '../../src/process/stops.js';
import { eventually } from '../support/client.js';

/** Stops this process and lets it go on after `ms`: a child does it, since a stopped process cannot. */
async function stopFor(ms: number): Promise<void> {
  const helper = spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep ${ms / 1000}; kill -CONT ${process.pid}`]);
  await once(helper, 'exit');
}

function holdMainThread(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

t.test('a stop is told once, as long as it was', async (t) => {
  let stops = new ProcessStops();
  t.teardown(() => stops.close());
  await new Promise<void>((onWatching) => {
    stops = new ProcessStops({ onWatching });
    stops.start();
  });
  t.equal(stops.take(), undefined);
  holdMainThread(2500);
  t.equal(stops.take(), undefined, 'a main thread that is held is no stop');
  const before = performance.now();
  await stopFor(3000);
  let told: Stretch | undefined;
  await eventually(() => (told = stops.take()) !== undefined, 'the stop is not told');
  const stop = told as Stretch;
  t.ok(stop.until - stop.from > 2000, `${stop.until - stop.from} ms`);
  t.ok(stop.from > before - 1500 && stop.until <= performance.now(), 'in the time of performance.now()');
  t.equal(stops.take(), undefined, 'once');
});

t.test('a second thread that cannot start is reported, and nothing is thrown', async (t) => {
  const failures: Error[] = [];
  const witness = new URL('./is-not-there.js', import.meta.url);
  const stops = new ProcessStops({ witness, onFailure: (error) => failures.push(error) });
  t.teardown(() => stops.close());
  stops.start();
  await eventually(() => failures.length === 1, 'it is not reported');
  t.equal(stops.take(), undefined);
});

t.test('before the start, and after the close, none is told', async (t) => {
  const stops = new ProcessStops();
  t.equal(stops.take(), undefined);
  stops.start();
  await stops.close();
  await stops.close();
  t.equal(stops.take(), undefined);
});

t.test('only what both threads were silent in counts, and only if it is more than a second', async (t) => {
  const silence = (from: number, until: number): Stretch => ({ from, until });
  t.same(commonSilence(silence(0, 5000), silence(1000, 6000)), silence(1000, 5000));
  t.equal(commonSilence(silence(0, 2000), silence(1000, 6000)), undefined);
  t.equal(commonSilence(silence(0, 2000), silence(3000, 6000)), undefined);
  t.equal(commonSilence(silence(0, 2000), undefined), undefined);
});
