/** A store that is found in another database begins other timelines; one that is where it was, or on a promoted standby, goes on. */
import t, { type Test } from 'tap';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import { openPostgres } from '../../../src/store/postgres/pg/open.js';
import { eventually } from '../../support/client.js';
import {
  startPostgres,
  startStandby,
  type TestPostgres,
  withoutPostgres,
  withoutStandby,
} from '../../support/postgres.js';
import { keepLog, testNode } from './opening.js';

t.setTimeout(120_000);

interface Found {
  readonly shards: readonly ShardRow[];
  readonly saysSo: boolean;
}

/** What a start finds, or makes. */
async function start(url: string): Promise<Found> {
  const log = keepLog();
  const { database, close } = await openPostgres({ url, log, node: testNode, shards: 4, format: 6 });
  const shards = await database.shards();
  await close();
  return { shards, saysSo: log.messages.some((message) => /was restored from a dump/.test(message)) };
}

/** A copy of a database, as a dump that was restored. @returns its URL */
async function copyOf(postgres: TestPostgres, url: string, name: string): Promise<string> {
  await postgres.sql(`CREATE DATABASE ${name} TEMPLATE ${new URL(url).pathname.slice(1)}`);
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

function isRenewed(t: Test, before: Found, now: Found): void {
  t.equal(now.saysSo, true, 'and says so');
  for (const [at, row] of now.shards.entries()) {
    const { token, timeline, epoch, ...same } = before.shards[at]!;
    t.match(row, { ...same, epoch: epoch + 1 });
    t.not(row.token, token, 'what was sent under the old token is nothing here');
    t.not(row.timeline, timeline);
    t.ok(row.timeline > 0 && row.timeline < 2 ** 31, `timeline ${row.timeline}`);
  }
  t.equal(new Set(now.shards.map(({ timeline }) => timeline)).size, now.shards.length, 'each its own');
}

t.test('another database', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const url = await postgres.fresh();
  const made = await start(url);
  t.same(
    made.shards.map(({ timeline }) => timeline),
    [0, 0, 0, 0],
  );
  t.same(await start(url), made, 'where it was it goes on');
  const copy = await copyOf(postgres, url, 'copy');
  const there = await start(copy);
  isRenewed(t, made, there);
  t.same(await start(copy), { ...there, saysSo: false }, 'once');
  t.same(await start(url), made, 'the first one is as it was');
  // Of two servers that were just made, the first databases have the same number.
  await postgres.sql("UPDATE escapement.about SET system = '1'", 'copy');
  isRenewed(t, there, await start(copy));
});

t.test('a user who may not ask which server it is', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const name = new URL(await postgres.fresh()).pathname.slice(1);
  const may = async (what: 'GRANT' | 'REVOKE'): Promise<void> => {
    const whom = what === 'GRANT' ? 'TO PUBLIC' : 'FROM PUBLIC';
    await postgres.sql(`${what} EXECUTE ON FUNCTION pg_control_system() ${whom}`, name);
  };
  await may('REVOKE');
  await postgres.sql('CREATE ROLE plain LOGIN');
  await postgres.sql(`GRANT CREATE ON DATABASE ${name} TO plain`, name);
  const url = postgres.url(name, 'plain');
  const made = await start(url);
  t.same(await start(url), made, 'where it was it goes on');
  isRenewed(t, made, await start(await copyOf(postgres, url, 'copy')));
  await may('GRANT');
  t.same(await start(url), made, 'what is known only now is no change');
  const [about] = await postgres.sql('SELECT system FROM escapement.about', name);
  t.match(about, { system: /^\d+$/ }, 'and is kept');
});

t.test('a standby that is promoted is the same database', { skip: withoutStandby }, async (t) => {
  const primary = await startPostgres(t, ['fsync=off']);
  const url = await primary.fresh();
  const standby = await startStandby(t, primary, { settings: ['fsync=off'] });
  const made = await start(url);
  const name = new URL(url).pathname.slice(1);
  const hasAll = async (): Promise<boolean> => {
    const [there] = await standby.sql("SELECT to_regclass('escapement.settings') IS NOT NULL AS made", name);
    return there?.made === true && (await standby.sql('SELECT FROM escapement.settings', name)).length === 1;
  };
  await eventually(hasAll, 'the standby has all of it', 30_000);
  await primary.stop('immediate');
  await standby.promote();
  t.same(await start(standby.url(name)), made);
});
