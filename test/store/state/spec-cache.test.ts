/** Specs at hand: bounded in bytes, the newest of a job, and no memory held beyond that. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { SpecCache } from '../../../src/store/state/spec-cache.js';
import { sampleSpec } from '../samples.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const spec = (seq: number, characters = 0) => sampleSpec({ seq, payload: `"${'x'.repeat(characters)}"` });

t.test('what was put in last is found, in the place of what was before', async (t) => {
  const cache = new SpecCache();
  const [first, second] = [spec(1), spec(1)];
  cache.set(first);
  cache.set(second);
  t.equal(cache.get(1), second);
  cache.delete(1);
  t.equal(cache.get(1), undefined);
  t.equal(cache.get(2), undefined);
});

t.test('the oldest leave when there is too much, and not before half of it is there', async (t) => {
  const cache = new SpecCache(100 * 1024);
  for (let seq = 1; seq <= 1000; seq++) {
    cache.set(spec(seq, 1000));
    t.ok(cache.get(seq));
  }
  t.equal(cache.get(900), undefined);
  const kept = Array.from({ length: 1000 }, (_, i) => cache.get(i + 1)).filter((each) => each !== undefined);
  t.ok(kept.length >= 30 && kept.length <= 66, `${kept.length} are kept`);
});

t.test('an update in the older generation does not leave the old spec behind', async (t) => {
  const cache = new SpecCache(20 * 1024);
  cache.set(spec(1, 5000));
  for (let seq = 2; seq <= 3; seq++) cache.set(spec(seq, 5000));
  const newest = spec(1, 5001);
  cache.set(newest);
  t.equal(cache.get(1), newest);
});

t.test('twenty jobs that are updated over and over do not make memory grow', async (t) => {
  const cache = new SpecCache(1024 * 1024);
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const churn = (): void => {
    for (let i = 0; i < 20_000; i++) cache.set(spec(1 + (i % 20), 20_000));
  };
  churn();
  const before = used();
  churn();
  const grown = (used() - before) / 1e6;
  t.ok(grown < 4, `${grown.toFixed(1)} MB`);
});
