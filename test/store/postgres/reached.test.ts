/** Whether PostgreSQL takes connections of a node, as it is told to users: each reason once, and for as long as it holds. */
import t from 'tap';
import { DatabaseUnusable } from '../../../src/store/postgres/pg/errors.js';
import { Reached } from '../../../src/store/postgres/pg/reached.js';
import { keepLog } from './opening.js';

const fromServer = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code, severity: 'FATAL' });
const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });

function reachedAt(now: { ms: number }) {
  const log = keepLog();
  return { log, reached: new Reached({ where: 'db:5432/jobs', log, now: () => now.ms }) };
}

t.test('what users read', async (t) => {
  const cases: [error: Error, reason: string][] = [
    [refused, 'PostgreSQL at db:5432/jobs takes no new connection of this node: connect ECONNREFUSED 10.0.0.1:5432'],
    [
      fromServer('53300', 'sorry, too many clients already'),
      'PostgreSQL at db:5432/jobs takes no new connection of this node: it has no connection left: raise max_connections, or end some of the others',
    ],
    [
      fromServer('28P01', 'password authentication failed for user "jobs"'),
      'PostgreSQL at db:5432/jobs does not let this node in any more: password authentication failed for user "jobs". Start the node again with the user and password of today in --store',
    ],
    [
      new DatabaseUnusable('PostgreSQL at db:5432/jobs is a replica, which takes no writes'),
      'PostgreSQL at db:5432/jobs is a replica, which takes no writes',
    ],
    [
      fromServer('42501', 'permission denied for table shard'),
      'PostgreSQL at db:5432/jobs cannot be used: permission denied for table shard. The user of --store needs its own schema: CREATE SCHEMA escapement AUTHORIZATION that user, or GRANT CREATE ON DATABASE',
    ],
  ];
  for (const [error, reason] of cases) {
    const { reached, log } = reachedAt({ ms: 0 });
    t.equal(reached.problem, undefined);
    reached.failed(error);
    t.equal(reached.problem, reason);
    t.same(log.messages, [reason]);
  }
});

t.test('each reason is told once, until a connection is made', async (t) => {
  const { reached, log } = reachedAt({ ms: 0 });
  reached.made();
  t.same(log.messages, [], 'the first connection is no news');
  reached.failed(refused);
  reached.failed(fromServer('57P03', 'the database system is starting up'));
  reached.failed(refused);
  t.equal(log.messages.length, 2);
  reached.made();
  t.equal(reached.problem, undefined);
  t.equal(log.messages.at(-1), 'PostgreSQL at db:5432/jobs takes connections of this node again');
  reached.failed(refused);
  t.equal(log.messages.length, 4);
});

t.test('a failure that nobody meets again is over', async (t) => {
  const now = { ms: 0 };
  const { reached } = reachedAt(now);
  reached.failed(refused);
  now.ms = 10_000;
  t.not(reached.problem, undefined);
  now.ms = 10_001;
  t.equal(reached.problem, undefined);
});
