/**
 * F3 and F5: the disk fails although it has room. Nothing that was refused is acknowledged, the server stops and says
 * why, and the store opens again with all that was acknowledged.
 */
import t, { type Test } from 'tap';
import { Client, eventually } from '../support/client.js';
import {
  each,
  isAlive,
  missing,
  needs,
  onDataFile,
  secondsToTheEnd,
  streamJobs,
  type Tracer,
  trace,
} from '../support/faults.js';
import { type Server, startServer } from '../support/server.js';

t.setTimeout(240_000);

/** Every call that LMDB writes with: single pages and the header, runs of pages. The last of each: it fails for good. */
const cases: [what: string, calls: string, when: string[]][] = [
  ['F3: fdatasync fails', 'fdatasync', ['1', '2', '3', '4', '5', '6', '7', '2+']],
  ['F5: a write of a page or of the header fails', 'pwrite64', ['1', '2', '3', '4', '5', '6', '7', '8', '3+']],
  ['F5: a write of several pages fails', 'writev', ['1', '2', '3+']],
];

interface Broken {
  readonly server: Server;
  readonly tracer: Tracer;
  /** Jobs that got a 201. */
  readonly acknowledged: readonly string[];
}

/** What must be true of every server whose disk broke. */
async function check(t: Test, title: string, { server, tracer, acknowledged }: Broken): Promise<void> {
  const end = await server.exited;
  await tracer.stop();
  t.ok(tracer.injected() >= 1, `${title}: an error was injected`);
  t.same(end, { code: 1, signal: null }, `${title}: the server has stopped`);
  const seconds = secondsToTheEnd(tracer.text(), server.pid);
  t.ok(seconds < 1, `${title}: ${(seconds * 1000).toFixed()} ms after the error`);
  t.match(server.output(), /the disk refuses writes although it has room/, `${title}: it says why`);

  const api = new Client(server);
  await server.restart();
  t.same(await missing(api, acknowledged), [], `${title}: ${acknowledged.length} acknowledged, all there`);
  const { total } = await api.list('?limit=1');
  t.ok(total >= acknowledged.length, `${title}: ${total} jobs in all`);
  await api.create({ name: 'noop', delay: '1h' });
  t.equal(await server.stop(), 0, `${title}: it works on and stops in order`);
}

for (const [what, calls, sweep] of cases) {
  t.test(what, needs('strace'), async (t) => {
    await each(
      sweep,
      async (when) => {
        const server = await startServer();
        const api = new Client(server);
        const before = await api.create({ name: 'noop', delay: '1h' });
        const tracer = await trace(server, onDataFile(server.dataDir, calls, `error=EIO:when=${when}`));
        const ids = await streamJobs(api, (i) => ({ name: 'noop', delay: '1h', payload: { i } }));
        await check(t, `call ${when}`, { server, tracer, acknowledged: [before.id, ...ids] });
      },
      2,
    );
  });
}

t.test('F3 and F5: the disk fails while the trees are brought up to date', needs('strace'), async (t) => {
  const sweep = [
    ['fdatasync', 2],
    ['fdatasync', 5],
    ['pwrite64', 4],
    ['pwrite64', 9],
  ] as const;
  await each(
    sweep,
    async ([calls, n]) => {
      const server = await startServer();
      const api = new Client(server);
      const first = await streamSome(api, 100);
      // The next commit is followed by a merge: one is due five seconds after the last.
      await new Promise((done) => setTimeout(done, 5500));
      const tracer = await trace(server, onDataFile(server.dataDir, calls, `error=EIO:when=${n}`));
      const second = await streamSome(api, 1);
      await eventually(() => tracer.injected() > 0 || !isAlive(server.pid), 'no error was injected');
      const gone = await Promise.race([
        server.exited.then(() => true),
        new Promise((done) => setTimeout(done, 3000, false)),
      ]);
      const title = `${calls} ${n}`;
      t.ok(gone, `${title}: the server has stopped`);
      if (!gone) await server.kill();
      else await check(t, title, { server, tracer, acknowledged: [...first, ...second] });
    },
    sweep.length,
  );
});

/** Posts so many jobs; the ids of those that got a 201. */
function streamSome(api: Client, count: number): Promise<string[]> {
  let posted = 0;
  return streamJobs(api, (i) => ({ name: 'noop', delay: '1h', payload: { i } }), {
    clients: 1,
    until: () => posted++ >= count,
  });
}
