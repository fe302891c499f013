/** What a check says of the keys of jobs, when something in their tree is not as it was written. */
import t from 'tap';
import { formatId } from '../../../src/domain/id.js';
import type { JobDraft } from '../../../src/scheduler/messages.js';
import { checkStore } from '../../../src/store/check/check.js';
import { jobKeyPut, underOfJobKey } from '../../../src/store/format/trees/job-key.js';
import type { KvWriter } from '../../../src/store/kv/kv.js';
import { World } from '../../support/world.js';

const under = (key: string): Buffer => underOfJobKey(`noop ${key}`);

/** Jobs 1 and 2 are pending and have the keys `a` and `b`; job 3 has finished and had `c`. */
function populated(): World {
  const world = new World({ mergeRows: 1 });
  const draft = (key: string, delayMs: number): Partial<JobDraft> => ({ key, trigger: { kind: 'delay', delayMs } });
  world.create(draft('a', 3_600_000));
  world.create(draft('b', 3_600_000));
  world.create(draft('c', 0));
  world.end(3);
  world.settle();
  return world;
}

function check(world: World): string[] {
  const lines: string[] = [];
  checkStore(world.kv, world.clock.now(), (line) => lines.push(line));
  return lines;
}

t.test('nothing is found where nothing is wrong', async (t) => {
  t.same(check(populated()), []);
});

const damages: [what: string, damage: (tx: KvWriter) => void, told: RegExp][] = [
  ['a key removed', (tx) => tx.remove('jobKeys', under('a')), /the key of job_\S+ is not its own: nobody has it/],
  [
    'a flipped bit in a key',
    (tx) => {
      const value = tx.get('jobKeys', under('a')) as Buffer;
      value[6] = (value[6] as number) ^ 1;
      tx.put('jobKeys', under('a'), value);
    },
    /the key of a job does not match its checksum: there may be two jobs/,
  ],
  [
    'a key under another name',
    (tx) => {
      tx.put('jobKeys', under('x'), tx.get('jobKeys', under('a')) as Buffer);
    },
    /the key of a job does not match its checksum/,
  ],
  ['a key of another job', (tx) => put(tx, 'a', 2), /the key of job_\S+ is not its own: job_\S+ has it/],
  ['a key of a job without it', (tx) => put(tx, 'x', 2), /a key names job_\S+, which was made with another one/],
  ['a key of a job that is gone', (tx) => put(tx, 'x', 500), /job number 500, which was never made/],
];

function put(tx: KvWriter, key: string, seq: number): void {
  const { key: at, value } = jobKeyPut(`noop ${key}`, { seq, keptUntil: 0 });
  tx.put('jobKeys', at, value as Uint8Array);
}

for (const [what, damage, told] of damages) {
  t.test(`found: ${what}`, async (t) => {
    const world = populated();
    world.kv.transact(damage);
    t.match(check(world).join('\n'), told);
  });
}

t.test('found: a key that stays of a job that was removed', async (t) => {
  const world = populated();
  const value = world.kv.get('jobKeys', under('c')) as Buffer;
  const [job] = world.queries.list({ limit: 1, offset: 0, filter: { statuses: ['success'] } }).jobs;
  if (!job) throw new Error('no job has finished');
  world.ask({ kind: 'remove', id: formatId(job.spec.seq, job.spec.idSeconds) });
  world.settle();
  t.same(check(world), []);
  world.kv.transact((tx) => tx.put('jobKeys', under('c'), value));
  t.match(check(world).join('\n'), /a key is of job number 3, which does not exist/);
});
