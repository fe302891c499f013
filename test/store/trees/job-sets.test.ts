/** The sets of jobs against a naive model: a map from job to status and type. */

import fc from 'fast-check';
import t from 'tap';
import { isFinished, type Status, statuses } from '../../../src/domain/lifecycle.js';
import { decodeSet, sealSet, setKey } from '../../../src/store/format/trees/set-block.js';
import { JobSets } from '../../../src/store/trees/job-sets.js';
import type { SavedSet } from '../../../src/store/trees/storage.js';

type Model = Map<number, { status: Status; type: number }>;

const block = 65_536;
/** Jobs around the edges of blocks, and beyond 2^32. */
const seqs = [
  1,
  2,
  3,
  100,
  block - 1,
  block,
  block + 1,
  2 * block - 1,
  2 * block,
  7 * block + 5,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 40 + 3,
];
/** A job never changes its type. */
const typeOf = (seq: number): number => (seq % 3 === 0 ? 700 : seq % 3);
const types = [0, 1, 2, 700];

const anyChange = fc.tuple(fc.constantFrom(...seqs), fc.option(fc.constantFrom(...statuses), { nil: undefined }));

function apply(sets: JobSets, model: Model, [seq, status]: readonly [number, Status | undefined]): void {
  sets.set(seq, status, typeOf(seq));
  if (status) model.set(seq, { status, type: typeOf(seq) });
  else model.delete(seq);
}

function matching(model: Model, status: Status | undefined, type: number | undefined): number[] {
  return [...model]
    .filter(([, job]) => (status === undefined || job.status === status) && (type === undefined || job.type === type))
    .map(([seq]) => seq)
    .sort((a, b) => b - a);
}

/** The first thing that the sets and the model disagree about. */
function difference(sets: JobSets, model: Model): string | undefined {
  for (const seq of [...seqs, 4, 2 ** 33]) if (sets.statusOf(seq) !== model.get(seq)?.status) return `status of ${seq}`;
  const finished = [...model.values()].filter(({ status }) => isFinished(status)).length;
  if (sets.finished !== finished) return `finished: ${sets.finished}, not ${finished}`;
  for (const status of [undefined, ...statuses]) {
    for (const type of [undefined, ...types, 5]) {
      const expected = matching(model, status, type);
      if (sets.total(status, type) !== expected.length)
        return `total of ${status} ${type}: ${sets.total(status, type)}`;
      for (const offset of [0, 1, 3]) {
        for (const before of [undefined, 1, block, block + 1, 2 ** 32, 2 ** 41]) {
          const rest = before === undefined ? expected : expected.filter((seq) => seq < before);
          const page = sets.page(status, type, { offset, limit: 4, ...(before !== undefined && { before }) });
          if (page.join() !== rest.slice(offset, offset + 4).join())
            return `page of ${status} ${type} ${offset} ${before}: ${page}`;
        }
      }
    }
    if (!status) continue;
    if (sets.count(status) !== matching(model, status, undefined).length) return `count of ${status}`;
    if ([...sets.each(status)].join() !== matching(model, status, undefined).reverse().join()) return `each ${status}`;
  }
  return undefined;
}

/** What was saved, as the store keeps it: the latest bytes of each set. */
function save(disk: Map<string, SavedSet>, changed: readonly SavedSet[]): void {
  for (const saved of changed) {
    if (saved.bytes) disk.set(`${saved.set}/${saved.block}`, { ...saved, bytes: Uint8Array.from(saved.bytes) });
    else disk.delete(`${saved.set}/${saved.block}`);
  }
}

function load(disk: Map<string, SavedSet>): JobSets {
  const sets = new JobSets();
  for (const { set, block: number, bytes } of disk.values()) {
    const under = setKey(set, number);
    sets.restore(set, number, decodeSet(sealSet(bytes as Uint8Array, under), under));
  }
  return sets;
}

t.test('any changes: status, totals, pages and walks are those of the model', async (t) => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 40 }), (changes) => {
      const sets = new JobSets();
      const model: Model = new Map();
      for (const change of changes) apply(sets, model, change);
      const found = difference(sets, model);
      sets.dispose();
      if (found) t.comment(found);
      return found === undefined;
    }),
    { numRuns: 150 },
  );
});

t.test('what was saved, piece by piece, is the whole again', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(anyChange, { maxLength: 15 }), { maxLength: 5 }), (pieces) => {
      const sets = new JobSets();
      const model: Model = new Map();
      const disk = new Map<string, SavedSet>();
      for (const changes of pieces) {
        for (const change of changes) apply(sets, model, change);
        save(disk, sets.takeChanged());
        if (sets.takeChanged().length > 0) return false;
      }
      const restored = load(disk);
      const found = difference(restored, model) ?? difference(sets, model);
      sets.dispose();
      restored.dispose();
      if (found) t.comment(found);
      return found === undefined;
    }),
    { numRuns: 100 },
  );
});

t.test('restored sets go on changing, and save only what changed', async (t) => {
  const sets = new JobSets();
  const model: Model = new Map();
  for (let seq = 1; seq <= 3 * block; seq += 1000) apply(sets, model, [seq, 'pending']);
  const disk = new Map<string, SavedSet>();
  save(disk, sets.takeChanged());
  const restored = load(disk);
  t.same(restored.takeChanged(), [], 'nothing has changed yet');
  apply(restored, model, [1, 'running']);
  const changed = restored.takeChanged();
  t.equal(changed.length, 2, 'the set it left and the set it came to, of one block');
  t.ok(changed.every(({ block: number }) => number === 0));
  t.equal(difference(restored, model), undefined);
});

t.test('a set that became empty is saved as gone', async (t) => {
  const sets = new JobSets();
  sets.set(5, 'pending', 0);
  const disk = new Map<string, SavedSet>();
  save(disk, sets.takeChanged());
  t.equal(disk.size, 3, 'all, pending, its type');
  sets.set(5, undefined, 0);
  const changed = sets.takeChanged();
  t.ok(changed.length >= 3 && changed.every(({ bytes }) => bytes === undefined));
  save(disk, changed);
  t.equal(disk.size, 0);
  t.equal(sets.total(undefined, undefined), 0);
  sets.set(5, 'failed', 0);
  t.same(sets.page(undefined, undefined, { offset: 0, limit: 10 }), [5], 'the block can come back');
});

t.test('a job put where it is already changes nothing', async (t) => {
  const sets = new JobSets();
  sets.set(5, 'pending', 0);
  sets.takeChanged();
  sets.set(5, 'pending', 0);
  sets.set(6, undefined, 0);
  t.same(sets.takeChanged(), []);
  t.equal(sets.total(undefined, undefined), 1);
});

t.test('a hundred thousand jobs page through in order', async (t) => {
  const sets = new JobSets();
  for (let seq = 1; seq <= 100_000; seq++) sets.set(seq, seq % 10 === 0 ? 'success' : 'pending', seq % 4);
  t.equal(sets.total('success', 2), 5000);
  t.equal(sets.total(undefined, 2), 25_000);
  const paged: number[] = [];
  for (let before: number | undefined; ; before = paged.at(-1)) {
    const page = sets.page('success', 2, { offset: 0, limit: 700, ...(before !== undefined && { before }) });
    paged.push(...page);
    if (page.length < 700) break;
  }
  t.equal(paged.length, 5000);
  t.ok(paged.every((seq, i) => seq % 20 === 10 && (i === 0 || seq < (paged[i - 1] as number))));
  t.same(sets.page('success', 2, { offset: 4998, limit: 10 }), paged.slice(4998));
  t.same(sets.page('success', 2, { offset: 5000, limit: 10 }), []);
});
