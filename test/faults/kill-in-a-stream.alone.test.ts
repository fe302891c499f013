/**
 * F1: kill -9 while jobs stream in, again and again on one directory. What clients were told, what subscribers heard and what
 * handlers did is recorded outside of the server, and held against what is there after the last kill: see test/cluster/checker.
 */
import t from 'tap';
import { Asking } from '../cluster/checker/asking.js';
import { report } from '../cluster/checker/check.js';
import { Recorder } from '../cluster/checker/recorder.js';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(600_000);

const rounds = 50;
const clients = 12;

const recorder = new Recorder();
const server = await startServer();
const api = new Client(server);
const asking = new Asking(recorder);
let acknowledged = 0;

/** Asks for one thing after the other, until the server is gone. */
async function stream(): Promise<void> {
  for (;;) {
    const status = await asking.next(api);
    if (status === undefined) return;
    // The key may be taken.
    if (status !== 201 && status !== 409) throw new Error(`wrong answer ${status}`);
    acknowledged++;
  }
}

t.test(`F1: ${rounds} kills`, async (t) => {
  await recorder.watch(server);
  for (let round = 1; round <= rounds; round++) {
    const before = acknowledged;
    const streams = Promise.all(Array.from({ length: clients }, stream));
    // Varied, so that the kill meets the server in different states; the test rests on none of them.
    await new Promise((done) => setTimeout(done, 20 + ((round * 137) % 300)));
    await eventually(() => acknowledged > before, 'nothing was acknowledged', 20_000);
    recorder.fault(server, 'killed');
    t.match(await server.kill('SIGKILL'), { signal: 'SIGKILL' });
    await streams;
    await server.restart();
  }
  await recorder.lastLook(api);
  const verdict = recorder.verdict();
  t.same(verdict.violations, [], report(verdict));

  t.same(await asking.wrong(api), []);
  const { uncharged, waiting, updated } = asking;
  t.ok(uncharged.size > 0 && waiting.size > 0 && updated.size > 0, 'of each kind there are some');
  t.ok(verdict.counts.unknown > 0 && verdict.counts.attempts > rounds, 'it was worth checking');
});
