/**
 * F3 and F5: the disk fails although it has room. Nothing that was refused is acknowledged, the server stops and says
 * why, and the store opens again with all that was acknowledged.
 */
import t, { type Test } from 'tap';
import { Client, eventually } from '../support/client.js';
import {
  each,
  full,
  isAlive,
  merged,
  mergesOften,
  missing,
  needs,
  onDataFile,
  secondsToTheEnd,
  streamJobs,
  type Tracer,
  trace,
} from '../support/faults.js';
import { type Server, startServer } from '../support/server.js';

t.setTimeout(full ? 3_600_000 : 290_000);

/** It is to be one second; a machine that does other things at the same time may not decide the test. */
const endsWithinSeconds = full ? 1 : 10;

/** 1 up to `last`, one by one, where there is time for that; else some of them. And one from which on it fails for good. */
const sweep = (some: number[], last: number, forGood: string): string[] => [
  ...(full ? Array.from({ length: last }, (_, i) => i + 1) : some).map(String),
  forGood,
];

/** Every call that LMDB writes with: single pages and the header, runs of pages. */
const cases: [what: string, calls: string, when: string[]][] = [
  ['F3: fdatasync fails', 'fdatasync', sweep([1, 3], 12, '2+')],
  ['F5: a write of a page or of the header fails', 'pwrite64', sweep([1, 2, 5], 24, '3+')],
  ['F5: a write of several pages fails', 'writev', sweep([1], 6, '2+')],
];

/** Two pages of which one is written at each commit. */
const headerBytes = 8192;

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
  t.ok(seconds < endsWithinSeconds, `${title}: ${(seconds * 1000).toFixed()} ms after the error`);
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
    const failed: number[] = [];
    await each(
      sweep,
      async (when) => {
        const server = await startServer();
        const api = new Client(server);
        const before = await api.create({ name: 'noop', delay: '1h' });
        const tracer = await trace(server, onDataFile(server.dataDir, calls, `error=EIO:when=${when}`));
        const ids = await streamJobs(api, (i) => ({ name: 'noop', delay: '1h', payload: { i } }));
        await check(t, `call ${when}`, { server, tracer, acknowledged: [before.id, ...ids] });
        failed.push(...placesOf(tracer.text()));
      },
      2,
    );
    if (calls !== 'pwrite64') return;
    t.ok(
      failed.some((at) => at < headerBytes),
      'a write of the header failed',
    );
    t.ok(
      failed.some((at) => at >= headerBytes),
      'and one of a page',
    );
  });
}

t.test('F3 and F5: the disk fails while the trees are brought up to date', needs('strace'), async (t) => {
  const some: [calls: string, n: number][] = [
    ['fdatasync', 2],
    ['pwrite64', 9],
  ];
  const more: [calls: string, n: number][] = [
    ['fdatasync', 5],
    ['pwrite64', 4],
  ];
  await each(
    full ? [...some, ...more] : some,
    async ([calls, n]) => {
      const server = await startServer({ args: mergesOften });
      const api = new Client(server);
      const first = await streamSome(api, 100);
      await merged(server, api);
      const tracer = await trace(server, onDataFile(server.dataDir, calls, `error=EIO:when=${n}`));
      const second = await streamSome(api, 1);
      await eventually(() => tracer.injected() > 0 || !isAlive(server.pid), 'no error was injected');
      const title = `${calls} ${n}`;
      await eventually(() => !isAlive(server.pid), `${title}: the server goes on`, 30_000);
      await check(t, title, { server, tracer, acknowledged: [...first, ...second] });
    },
    2,
  );
});

/** Where in the file those writes were to go that failed. */
function placesOf(trace: string): number[] {
  return [...trace.matchAll(/pwrite64\(.*, (\d+)\) += -1 EIO .*INJECTED/g)].map(([, at]) => Number(at));
}

/** Posts so many jobs; the ids of those that got a 201. */
function streamSome(api: Client, count: number): Promise<string[]> {
  let posted = 0;
  return streamJobs(api, (i) => ({ name: 'noop', delay: '1h', payload: { i } }), {
    clients: 1,
    until: () => posted++ >= count,
  });
}
