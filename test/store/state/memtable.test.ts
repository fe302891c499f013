/** The committed state in memory: the newest generation first, then the one being merged, then the trees. */
import t from 'tap';
import type { JobState } from '../../../src/domain/job.js';
import { noDetail } from '../../../src/domain/job.js';
import { ByteWriter } from '../../../src/store/format/bytes.js';
import {
  detailKey,
  emptyPage,
  pageKey,
  pageOf,
  pageRows,
  rowAt,
  seal,
  sealPage,
  specKey,
} from '../../../src/store/format/layout.js';
import { writeRow } from '../../../src/store/format/row.js';
import { writeSpec } from '../../../src/store/format/spec-codec.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { Memtable } from '../../../src/store/state/memtable.js';
import { cachedPages, StoreReader } from '../../../src/store/trees/reader.js';
import { MemoryKv } from '../../support/kv-memory.js';
import { sampleSpec, sampleState } from '../samples.js';

class Trees {
  readonly kv = new MemoryKv();
  readonly types = new TypeDictionary();
  reads = 0;
  readonly reader = new StoreReader(
    {
      get: (tree, key) => {
        this.reads++;
        return this.kv.get(tree, key);
      },
      peek: (tree, key) => {
        this.reads++;
        return this.kv.peek(tree, key);
      },
      entries: (tree, range) => this.kv.entries(tree, range),
      keys: (tree, range) => this.kv.keys(tree, range),
      size: (tree) => this.kv.size(tree),
      refresh: () => {},
    },
    this.types,
  );
  /** Jobs that there are, whether or not the trees have them. */
  readonly known = new Set<number>();
  readonly memtable = new Memtable(this.reader, this.known, { spec: () => undefined });

  put(seq: number, state: JobState | undefined, typeId = 0, hasDetail = false): void {
    const page = this.kv.get('states', pageKey(pageOf(seq))) ?? emptyPage();
    if (state) writeRow(page, rowAt(seq), state, typeId, hasDetail);
    else page.fill(0, rowAt(seq), rowAt(seq) + 54);
    sealPage(page, pageOf(seq));
    this.kv.transact((tx) => tx.put('states', pageKey(pageOf(seq)), page));
  }

  putSpec(seq: number, payload: string): void {
    const out = new ByteWriter();
    writeSpec(out, sampleSpec({ seq, payload }), this.types.idOf('noop'));
    this.kv.transact((tx) => tx.put('specs', specKey(seq), out.since(0)));
  }
}

const fence = (n: number): JobState => sampleState({ fence: n });

t.test('what was changed last is what is seen, through a merge and after it', async (t) => {
  const trees = new Trees();
  const { memtable } = trees;
  const seen = (): (number | undefined)[] => [1, 2, 3].map((seq) => memtable.state(seq)?.fence);
  for (const seq of [1, 2, 3]) trees.put(seq, fence(10));
  t.same(seen(), [10, 10, 10]);
  memtable.apply(2, fence(20), 0, false);
  memtable.apply(3, fence(20), 0, false);
  t.same(seen(), [10, 20, 20]);
  t.equal(memtable.changed, 2);
  memtable.mergeBegins();
  t.equal(memtable.changed, 0);
  t.equal(memtable.merging, true);
  t.same(seen(), [10, 20, 20]);
  memtable.apply(3, fence(30), 0, false);
  t.same(seen(), [10, 20, 30]);
  trees.put(2, fence(20));
  trees.put(3, fence(20));
  memtable.mergeEnded();
  t.same(seen(), [10, 20, 30], 'the trees have it, except for what came later');
  t.equal(memtable.merging, false);
  t.equal(memtable.changed, 1);
});

t.test('pages read before a merge are read again after it', async (t) => {
  const trees = new Trees();
  trees.put(1, fence(1));
  t.equal(trees.memtable.state(1)?.fence, 1);
  trees.memtable.apply(1, fence(2), 0, false);
  trees.memtable.mergeBegins();
  trees.put(1, fence(2));
  trees.memtable.mergeEnded();
  t.equal(trees.memtable.state(1)?.fence, 2);
});

t.test('a page is read once for the jobs in it, and pages that share a place do not mix', async (t) => {
  const trees = new Trees();
  const far = pageRows * cachedPages + 1;
  trees.put(1, fence(1));
  trees.put(2, fence(2));
  trees.put(far, fence(3));
  t.same(
    [1, 2].map((seq) => trees.memtable.state(seq)?.fence),
    [1, 2],
  );
  t.equal(trees.reads, 1);
  t.same(
    [far, 1, far].map((seq) => trees.memtable.state(seq)?.fence),
    [3, 1, 3],
  );
  t.equal(trees.reads, 4, 'they do share it');
});

t.test('a removed job is gone although the trees still have it', async (t) => {
  const trees = new Trees();
  const { memtable } = trees;
  trees.put(1, fence(1));
  trees.putSpec(1, '{}');
  memtable.applySpec(sampleSpec({ seq: 1 }), 0);
  t.ok(memtable.job(1));
  memtable.apply(1, undefined, 5, false);
  t.equal(memtable.state(1), undefined);
  t.equal(memtable.job(1), undefined);
  memtable.mergeBegins();
  t.equal(memtable.job(1), undefined);
  trees.put(1, undefined);
  memtable.mergeEnded();
  t.equal(memtable.job(1), undefined);
});

t.test('details come from the newest generation that has one', async (t) => {
  const trees = new Trees();
  const { memtable } = trees;
  trees.kv.transact((tx) => tx.put('details', detailKey(1), seal(Buffer.from('{"result":"1"}'), detailKey(1))));
  trees.put(1, fence(1), 0, true);
  trees.put(2, fence(1));
  t.same(memtable.detail(1), { result: '1' });
  t.equal(memtable.detail(2), noDetail);
  memtable.applyDetail(1, { result: '2' });
  t.ok(memtable.changedDetailBytes > 0);
  memtable.mergeBegins();
  t.equal(memtable.changedDetailBytes, 0);
  t.same(memtable.detail(1), { result: '2' });
  memtable.applyDetail(1, {});
  t.same(memtable.detail(1), {}, 'an empty one hides what was before');
});

t.test('what a job has and cannot be found is not taken for nothing', async (t) => {
  const trees = new Trees();
  const { memtable } = trees;
  const lost = (what: string) => ({ name: 'DamagedRecord', message: new RegExp(`^the ${what} of job 1 is missing`) });
  t.equal(memtable.job(1), undefined, 'a job that is gone');
  trees.known.add(1);
  t.throws(() => memtable.job(1), lost('state'));
  trees.put(1, fence(1), 0, true);
  memtable.mergeEnded();
  t.throws(() => memtable.job(1), lost('spec'));
  trees.putSpec(1, '{}');
  t.throws(() => memtable.job(1), lost('detail'));
  memtable.apply(1, fence(2), 0, true);
  t.throws(() => memtable.job(1), lost('detail'), 'as well while the state is not in the trees yet');
  memtable.applyDetail(1, { result: '1' });
  t.ok(memtable.job(1));
});

t.test('specs are at hand after their commit, the newest for longest, within a bound', async (t) => {
  const trees = new Trees();
  const payload = JSON.stringify({ x: 'p'.repeat(200 * 1024) });
  for (let seq = 1; seq <= 100; seq++) {
    trees.putSpec(seq, payload);
    trees.memtable.applySpec(sampleSpec({ seq, payload }), 0);
  }
  const readsOf = (seq: number): number => {
    const before = trees.reads;
    t.equal(trees.memtable.spec(seq)?.payload, payload);
    return trees.reads - before;
  };
  const kept = Array.from({ length: 100 }, (_, i) => readsOf(i + 1) === 0);
  const first = kept.indexOf(true);
  t.ok(first >= 15 && first <= 62, `${100 - first} specs of 200 KiB fit`);
  t.ok(kept.slice(first).every(Boolean), 'the newest are kept');
});

t.test('the spec of a job that is not due for long is not kept, nor what was kept of it before', async (t) => {
  const trees = new Trees();
  const payload = '{"n":3}';
  trees.putSpec(1, payload);
  trees.memtable.applySpec(sampleSpec({ seq: 1, payload: '{"n":2}' }), 0);
  trees.memtable.applySpec(sampleSpec({ seq: 1, payload }), 600_000);
  t.equal(trees.memtable.spec(1)?.payload, payload);
  t.equal(trees.reads, 1);
});

t.test('a spec that was replaced counts once, and is the new one', async (t) => {
  const trees = new Trees();
  const payload = JSON.stringify({ x: 'p'.repeat(1024 * 1024) });
  for (let i = 0; i < 50; i++) trees.memtable.applySpec(sampleSpec({ seq: 1, payload }), 0);
  trees.memtable.applySpec(sampleSpec({ seq: 1, payload: '{"n":2}' }), 0);
  for (let seq = 2; seq < 10; seq++) trees.memtable.applySpec(sampleSpec({ seq, payload }), 0);
  t.equal(trees.memtable.spec(1)?.payload, '{"n":2}');
  t.equal(trees.reads, 0);
});

t.test('a damaged page is refused for each of its jobs and for no other', async (t) => {
  const trees = new Trees();
  trees.put(1, fence(1));
  trees.put(40, fence(2));
  trees.kv.transact((tx) => {
    const page = trees.kv.get('states', pageKey(0)) as Buffer;
    page[100] = (page[100] as number) ^ 1;
    tx.put('states', pageKey(0), page);
  });
  for (const seq of [1, 5])
    t.throws(() => trees.memtable.state(seq), { name: 'DamagedRecord', message: /jobs 0 to 15/ });
  t.equal(trees.memtable.state(40)?.fence, 2);
});
