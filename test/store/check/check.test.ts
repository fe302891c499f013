/** The check of a store: silent on what is whole, and each kind of damage is told. */

import t from 'tap';
import { formatId } from '../../../src/domain/id.js';
import type { statuses } from '../../../src/domain/lifecycle.js';
import { checkStore } from '../../../src/store/check/check.js';
import { crc32 } from '../../../src/store/format/bytes.js';
import {
  detailKey,
  encodeMeta,
  logKey,
  metaKey,
  pageKey,
  pageOf,
  rowAt,
  seal,
  sealPage,
  specKey,
  type Tree,
  unseal,
} from '../../../src/store/format/layout.js';
import { key } from '../../../src/store/format/numbers.js';
import type { DueEntry } from '../../../src/store/format/trees/due-chunk.js';
import { sealSet, setKey } from '../../../src/store/format/trees/set-block.js';
import type { KvWriter } from '../../../src/store/kv/kv.js';
import { dueChunks } from '../../../src/store/trees/due-index.js';
import { JobSets } from '../../../src/store/trees/job-sets.js';
import { readMark } from '../../../src/store/trees/merge-mark.js';
import { anyHandler, World } from '../../support/world.js';

function check(world: World): string[] {
  const lines: string[] = [];
  const { faults } = checkStore(world.kv, world.clock.now(), (line) => lines.push(line));
  if ((faults === 0) !== (lines.length === 0))
    throw new Error(`${faults} faults in ${lines.length} lines: ${lines.join('\n')}`);
  return lines;
}

/** Keys of jobs by what they are. All are in the trees and the log has nothing newer, but `fresh` is in the log alone. */
type Jobs = Record<'pending' | 'success' | 'failed' | 'cancelled' | 'keyed' | 'fresh', number>;

const later = { kind: 'delay', delayMs: 3_600_000 } as const;

/** A world with jobs of all kinds. */
function populated(): { world: World; jobs: Jobs } {
  const handlers = [anyHandler('noop'), anyHandler('other', { maxRetries: 0 })];
  const before = new World({ handlers, mergeRows: 1 });
  const jobs: Partial<Jobs> = {};
  const make = (what: keyof Jobs, draft: Parameters<World['create']>[0], world = before): number => {
    const { seq } = world.create(draft).jobs[0]!.spec;
    jobs[what] = seq;
    return seq;
  };
  for (let i = 0; i < 40; i++) {
    make('pending', { trigger: { ...later, delayMs: later.delayMs + i * 100_000 }, name: i % 2 ? 'noop' : 'other' });
  }
  before.end(make('success', {}), { kind: 'succeeded', result: '{"r":1}' });
  before.end(make('failed', { name: 'other' }), { kind: 'failed' });
  const cancelled = make('cancelled', { trigger: later });
  before.ask({ kind: 'cancel', id: formatId(cancelled, before.memtable.spec(cancelled)!.idSeconds) });
  const keyed = { kind: 'create', draft: { name: 'noop', trigger: later, isRepeat: false, payload: '{}' } } as const;
  before.ask({ ...keyed, idempotency: { key: 'a-key', digest: 'of its body' } });
  jobs.keyed = cancelled + 1;
  before.settle();
  const world = new World({ handlers, mergeRows: 1e9, kv: before.kv, clock: before.clock });
  make('fresh', { trigger: later }, world);
  return { world, jobs: jobs as Jobs };
}

t.test('a store with jobs of all kinds is whole, and so is an empty one', async (t) => {
  const { world, jobs } = populated();
  t.same(check(world), []);
  t.same(check(new World()), []);
  const summary = checkStore(world.kv, world.clock.now(), () => {});
  t.same(summary.jobs, { pending: 42, running: 0, success: 1, failed: 1, cancelled: 1 });
  t.equal(summary.events, world.queries.lastEvent());
  t.equal(summary.position, world.jobs.position);
  t.ok(readMark(world.kv).position < summary.position, 'the log has something that the trees do not');
  t.equal(world.memtable.state(jobs.success)?.status, 'success');
});

type Damage = (tx: KvWriter, jobs: Jobs, world: World) => void;

const all = (tx: KvWriter, tree: Tree): { key: Buffer; value: Buffer }[] => [...tx.entries(tree, {})];

/** Turns over one bit of a value. */
function flip(tx: KvWriter, tree: Tree, at: Uint8Array, byte = 20): void {
  const value = tx.get(tree, at)!;
  value[byte % value.length]! ^= 4;
  tx.put(tree, at, value);
}

/** A sealed value in the place of another, made whole for that place: only what it says is wrong. */
function move(tx: KvWriter, tree: Tree, from: Uint8Array, to: Uint8Array): void {
  tx.put(tree, to, seal(unseal(tx.get(tree, from)!, from, 'it'), to));
}

/** As `move`, for specs and log records, which are bound to a number. */
function moveNumbered(tx: KvWriter, tree: 'specs' | 'log', from: number, to: number): void {
  const value = tx.get(tree, key(from))!;
  value.writeUInt32LE(crc32(value.subarray(4), to), 0);
  tx.put(tree, key(to), value);
}

/** Changes the row of a job, and makes its page whole again. */
function rewrite(tx: KvWriter, seq: number, change: (page: Buffer, at: number) => void): void {
  const page = tx.get('states', pageKey(pageOf(seq)))!;
  change(page, rowAt(seq));
  sealPage(page, pageOf(seq));
  tx.put('states', pageKey(pageOf(seq)), page);
}

/** What the sets would be of a job that is not what it is. */
function savedWith(seq: number, status: (typeof statuses)[number]): { set: number; bytes: Uint8Array }[] {
  const sets = new JobSets();
  sets.set(seq, status, 0);
  return sets.takeChanged().map(({ set, bytes }) => ({ set, bytes: bytes! }));
}

const damages: [what: string, damage: Damage, told: RegExp | readonly RegExp[]][] = [
  [
    'a flipped bit in a spec',
    (tx, { pending }) => flip(tx, 'specs', specKey(pending)),
    /spec of job number 40 does not match its checksum.*neither run nor shown/,
  ],
  ['a spec removed', (tx, { pending }) => tx.remove('specs', specKey(pending)), /job number 40 has no spec/],
  [
    'a spec removed of a job in the log alone',
    (tx, { fresh }) => tx.remove('specs', specKey(fresh)),
    /job number \d+ has no spec/,
  ],
  [
    'a spec in the place of another',
    (tx, { pending }) => moveNumbered(tx, 'specs', pending - 1, pending),
    /job_.* is of type other, its state says otherwise/,
  ],
  [
    'values under the keys of others, as they were written',
    (tx, { pending, failed, success }) => {
      tx.put('specs', specKey(pending), tx.get('specs', specKey(pending - 1))!);
      tx.put('details', detailKey(failed), tx.get('details', detailKey(success))!);
      tx.put('log', logKey(8), tx.get('log', logKey(7))!);
      tx.put('bitmaps', setKey(1, 0), tx.get('bitmaps', setKey(0, 0))!);
    },
    [
      /spec of job number 40 does not match/,
      /detail of job number \d+ does not match/,
      /log record 8 does not match/,
      /set of pending jobs does not match/,
    ],
  ],
  [
    'a flipped bit in a state page',
    (tx, { pending }) => flip(tx, 'states', pageKey(pageOf(pending)), 100),
    /state page of job numbers 32 to 47 does not match/,
  ],
  [
    'a state page removed',
    (tx) => tx.remove('states', pageKey(1)),
    [/job_\S+ has a spec and no state: .*neither run nor shown/, /the set of all jobs has job_\S+ and 15 more/],
  ],
  [
    'a row that went back to an older state',
    (tx, { success }) => rewrite(tx, success, (page, at) => void (page[at] = 1)),
    [
      /job_\S+ is success by log record \d+, and pending in the trees/,
      /the set of success jobs has job_/,
      /the set of pending jobs lacks job_/,
      /is pending, due .*, and not where the due index is read/,
    ],
  ],
  [
    'a row that lost a field',
    (tx, { pending }) => rewrite(tx, pending, (page, at) => page.fill(0, at + 24, at + 30)),
    /is pending by log record \d+, and pending in the trees, where other things differ/,
  ],
  [
    'a detail removed',
    (tx, { failed }) => tx.remove('details', detailKey(failed)),
    /job_\S+ has lost its result or error/,
  ],
  [
    'a flipped bit in a detail',
    (tx, { success }) => flip(tx, 'details', detailKey(success)),
    /the detail of job number \d+ does not match/,
  ],
  [
    'a detail of nobody',
    (tx, { failed }) => tx.put('details', detailKey(500), tx.get('details', detailKey(failed))!),
    /a result or error of job number 500, which does not exist/,
  ],
  [
    'a flipped bit in the due index',
    (tx) => flip(tx, 'due', all(tx, 'due')[0]!.key),
    [
      /the due index for the time from 2026-\S+ does not match its checksum/,
      /is pending, due 2026-\S+, and not where the due index is read: the job will not run/,
    ],
  ],
  [
    'a piece of the due index dropped',
    (tx) => tx.remove('due', all(tx, 'due').at(-1)!.key),
    /is pending, due 2026-01-01T0\S+Z, and not where the due index is read/,
  ],
  [
    'an entry of the due index in another bucket',
    (tx, { pending }) => {
      const entry: DueEntry = { due: 1e12, seq: pending };
      for (const chunk of dueChunks([entry], 1)) {
        tx.put('due', chunk.key, chunk.value);
        move(tx, 'due', chunk.key, key(1, 1, 0));
      }
    },
    /the due index has job_\S+ in the wrong place/,
  ],
  [
    'a watermark behind which jobs wait',
    (tx, _jobs, world) =>
      tx.put(
        'meta',
        metaKey('mark'),
        encodeMeta({ ...readMark(tx), watermark: world.clock.now() + 4_000_000 }, 'mark'),
      ),
    /not where the due index is read/,
  ],
  [
    'a set that has a job of another status',
    (tx, { success }) => {
      for (const { set, bytes } of savedWith(success, 'running'))
        if (set === 2) tx.put('bitmaps', setKey(set, 0), sealSet(bytes, setKey(set, 0)));
    },
    /the set of running jobs has job_\S+, which does not belong there: lists and totals are wrong/,
  ],
  ['a set removed', (tx) => tx.remove('bitmaps', setKey(1, 0)), /the set of pending jobs lacks job_\S+ and 40 more/],
  ['a set of all jobs removed', (tx) => tx.remove('bitmaps', setKey(0, 0)), /the set of all jobs lacks/],
  [
    'a flipped bit in a set',
    (tx) => flip(tx, 'bitmaps', setKey(16, 0)),
    /the set of jobs of type other does not match its checksum/,
  ],
  [
    'a set of a block without jobs',
    (tx) => move(tx, 'bitmaps', setKey(1, 0), setKey(1, 7)),
    /the set of pending jobs has job number 458753/,
  ],
  ['a set of no type', (tx) => move(tx, 'bitmaps', setKey(1, 0), setKey(99, 0)), /a set number 99/],
  [
    'the list of finished jobs removed',
    (tx) => all(tx, 'finished').forEach(({ key }) => tx.remove('finished', key)),
    /is finished and not in the list of finished jobs: retention will not remove it/,
  ],
  [
    'a flipped bit in the list of finished jobs',
    (tx) => flip(tx, 'finished', all(tx, 'finished')[0]!.key),
    /a piece of the list of finished jobs does not match/,
  ],
  ['a log record removed', (tx) => tx.remove('log', logKey(7)), /log record 7 is missing/],
  ['a flipped bit in a log record', (tx) => flip(tx, 'log', logKey(7)), /log record 7 does not match its checksum/],
  [
    'a log record in the place of another',
    (tx) => moveNumbered(tx, 'log', 7, 8),
    [/log record 8 begins with event 7, the last before it is 7/, /log record 9 counts/],
  ],
  [
    'the end of the log removed',
    (tx, _jobs, world) => [0, 1].forEach((n) => tx.remove('log', logKey(world.jobs.position - n))),
    /the log ends at record \d+, but the trees hold the state after record/,
  ],
  [
    'the whole log removed',
    (tx) => all(tx, 'log').forEach(({ key }) => tx.remove('log', key)),
    /the log ends at record 0/,
  ],
  [
    'the beginning of the log removed up to the mark and beyond',
    (tx) =>
      all(tx, 'log')
        .slice(0, -1)
        .forEach(({ key }) => tx.remove('log', key)),
    /the log begins at record \d+, but the trees hold/,
  ],
  [
    'an idempotency key removed',
    (tx) => tx.remove('keys', Buffer.from('a-key')),
    [/the idempotency key of job_\S+ is forgotten before its time/, /an idempotency key is gone before its time/],
  ],
  [
    'a flipped bit in an idempotency key',
    (tx) => flip(tx, 'keys', Buffer.from('a-key')),
    /an idempotency key does not match/,
  ],
  [
    'an idempotency key under another name',
    (tx) => move(tx, 'keys', Buffer.from('a-key'), Buffer.from('other')),
    /an idempotency key names job_\S+, which was made without it/,
  ],
  [
    'the expiry of an idempotency key removed',
    (tx) => all(tx, 'keyExpiry').forEach(({ key }) => tx.remove('keyExpiry', key)),
    /would never be forgotten/,
  ],
  [
    'a flipped bit in the merge mark',
    (tx) => flip(tx, 'meta', metaKey('mark')),
    /the merge mark does not match.*does not start/,
  ],
  [
    'a flipped bit in the list of job types',
    (tx) => flip(tx, 'meta', metaKey('types')),
    /the list of job types does not match/,
  ],
  [
    'a job type missing from the list',
    (tx) => tx.put('meta', metaKey('types'), encodeMeta(['other'], 'types')),
    /a type that there is not|lacks/,
  ],
];

for (const [what, damage, told] of damages) {
  t.test(`found: ${what}`, async (t) => {
    const { world, jobs } = populated();
    world.kv.transact((tx) => damage(tx, jobs, world));
    const lines = check(world);
    t.ok(lines.length > 0, 'it is found');
    for (const pattern of [told].flat() as RegExp[]) {
      if (!lines.some((line) => pattern.test(line))) t.fail(`${pattern} among: ${lines.join('\n')}`);
    }
    t.same(
      lines.filter((line) => /undefined|NaN|\n|Error/.test(line)),
      [],
    );
  });
}

t.test('of many faults of a kind the first are told, and how many more there are', async (t) => {
  const { world } = populated();
  world.kv.transact((tx) => {
    for (const { key: at } of all(tx, 'specs')) tx.remove('specs', at);
  });
  const lines: string[] = [];
  const { faults } = checkStore(world.kv, world.clock.now(), (line) => lines.push(line));
  t.ok(faults > 40);
  t.ok(lines.length < 30, lines.join('\n'));
  t.match(lines.at(-1), /^and \d+ more of this kind/);
});
