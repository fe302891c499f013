/** Who watches which jobs: the same as a plain list of them says, whatever was added and taken away. */
import fc from 'fast-check';
import t from 'tap';
import { formatId } from '../../../src/domain/id.js';
import { type Ids, readIds, WatchedJobs } from '../../../src/server/live/watched-jobs.js';

const seconds = 1704180000;

class Watcher {
  readonly ids: Ids;
  constructor(readonly texts: readonly string[]) {
    this.ids = readIds(texts);
  }
}

t.test('what was added is found, until it is taken away', async (t) => {
  const text = fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: seconds, max: seconds + 1 }))
      .map(([seq, at]) => formatId(seq, at)),
    fc.constantFrom(
      '',
      'x',
      'job_1',
      'job_01_00000000',
      `job_${2 ** 32 + seconds}_00000001`,
      'job_1704180000_0000000G',
    ),
  );
  const acts = fc.array(fc.tuple(fc.nat(39), fc.array(text, { maxLength: 6 })), { maxLength: 120 });
  fc.assert(
    fc.property(acts, (steps) => {
      const watched = new WatchedJobs<Watcher>();
      const there = new Map<number, Watcher>();
      for (const [who, texts] of steps) {
        const earlier = there.get(who);
        if (earlier) watched.delete(earlier);
        const watcher = new Watcher([...new Set(texts)]);
        if (texts.length === 0) there.delete(who);
        else {
          there.set(who, watcher);
          watched.add(watcher);
        }
        const hexes = new Set<number>();
        for (const { ids } of there.values()) for (let at = 0; at < ids.length; at += 2) hexes.add(ids[at] as number);
        if (watched.size !== hexes.size) return false;
        for (let seq = 1; seq <= 6; seq++) {
          const id = formatId(seq, seconds);
          const expected = [...there.values()].filter((one) => one.texts.includes(id));
          const found = watched.of(id, seconds);
          if (found.length !== expected.length || !expected.every((one) => found.includes(one))) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass('300 sequences');
});

t.test('an id with other seconds is another id', async (t) => {
  const watched = new WatchedJobs<Watcher>();
  const watcher = new Watcher([formatId(7, seconds)]);
  watched.add(watcher);
  t.same(watched.of(formatId(7, seconds + 1), seconds + 1), []);
  t.same(watched.of(formatId(7, seconds), seconds), [watcher]);
});
