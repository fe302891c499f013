/** F38: the data directory is taken away under a running server, which must not go on acknowledging into files that no start will find. */
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';

t.setTimeout(120_000);
/** A look every second; the rest is for a machine that does other things as well. */
const noticedWithinMs = 15_000;

interface Case {
  readonly what: string;
  readonly reason: RegExp;
  /** @returns where the acknowledged jobs are afterwards; undefined when nowhere */
  act(dataDir: string, aside: string): string | undefined;
}

const cases: Case[] = [
  {
    what: 'renamed',
    reason: /the data directory \S+ was moved or deleted while the server used it/,
    act: (dataDir, aside) => {
      renameSync(dataDir, aside);
      return aside;
    },
  },
  {
    what: 'deleted',
    reason: /the data directory \S+ was moved or deleted while the server used it/,
    act: (dataDir) => {
      rmSync(dataDir, { recursive: true });
      return undefined;
    },
  },
  {
    what: 'replaced by an empty directory',
    reason: /the data directory \S+ was replaced by another/,
    act: (dataDir, aside) => {
      renameSync(dataDir, aside);
      mkdirSync(dataDir);
      return aside;
    },
  },
  {
    what: 'replaced by a copy of itself',
    reason: /the data directory \S+ was replaced by another/,
    act: (dataDir, aside) => {
      renameSync(dataDir, aside);
      cpSync(aside, dataDir, { recursive: true });
      return aside;
    },
  },
  {
    what: 'its data file is deleted',
    reason: /data\.mdb was moved or deleted while the server used it/,
    act: (dataDir) => {
      rmSync(join(dataDir, 'data.mdb'));
      return undefined;
    },
  },
  {
    what: 'its data file is replaced',
    reason: /data\.mdb was replaced by another/,
    act: (dataDir, aside) => {
      renameSync(join(dataDir, 'data.mdb'), aside);
      cpSync(aside, join(dataDir, 'data.mdb'));
      return undefined;
    },
  },
  {
    what: 'its lock file is deleted',
    reason: /data\.mdb-lock was moved or deleted while the server used it/,
    act: (dataDir) => {
      rmSync(join(dataDir, 'data.mdb-lock'));
      return dataDir;
    },
  },
];

for (const { what, reason, act } of cases) {
  t.test(what, async (t) => {
    const server = await startServer();
    const { id } = await new Client(server).create({ name: 'noop', delay: '1h' });
    const kept = act(server.dataDir, join(dirname(server.dataDir), 'aside'));
    const began = performance.now();
    const { code } = await server.exited;
    t.equal(code, 1, server.output());
    const took = performance.now() - began;
    t.ok(took < noticedWithinMs, `noticed after ${Math.round(took)} ms`);
    const told = server
      .output()
      .split('\n')
      .find((line) => line.includes('the server must stop'));
    t.match(JSON.parse(told ?? '{}'), { level: 60, reason });
    if (kept === undefined) return;
    const checked = await runCli(['check', kept]);
    t.equal(checked.code, 0, `what was acknowledged is whole: ${checked.output}`);
    const next = await startServer({ dataDir: kept });
    t.equal((await new Client(next).get(`/jobs/${id}`)).status, 200, 'and there');
    t.equal(await next.stop(), 0);
  });
}

t.test('a server whose directory only changes inside, by a backup and by files beside its own, goes on', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  await api.create({ name: 'noop', delay: '1h' });
  const backup = join(dirname(server.dataDir), 'backup');
  const made = await runCli(['backup', backup, '--url', server.url]);
  t.equal(made.code, 0, made.output);
  t.ok(readdirSync(backup).includes('data.mdb'));
  t.equal(await server.stop(), 0);
  t.notMatch(server.output(), /must stop/);
});
