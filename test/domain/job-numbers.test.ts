/** Numbers of jobs over several shards: different everywhere, found again by their ids, and slots where there is one shard. */
import t from 'tap';
import { formatId, parseId } from '../../src/domain/id.js';
import { JobNumbers, maxShards, shardOf, singleShard } from '../../src/domain/ids/job-numbers.js';
import { sampleJob } from '../store/samples.js';

const two32 = 2 ** 32;

t.test('a server of one shard has numbers that are slots', async (t) => {
  for (const slot of [1, 2, 77, two32 + 5]) {
    t.equal(singleShard.of(slot), slot);
    t.equal(singleShard.slotOf(slot), slot);
    t.equal(singleShard.format(slot, 9), formatId(slot, 9));
  }
});

t.test('the numbers of all shards are different, and each says its shard and its slot', async (t) => {
  for (const shards of [1, 2, 16, maxShards]) {
    const seen = new Set<number>();
    for (let shard = 0; shard < shards; shard++) {
      const numbers = new JobNumbers(shard, shards);
      for (const slot of [1, 2, 3, 1000, two32]) {
        const number = numbers.of(slot);
        seen.add(number);
        t.equal(shardOf(number, shards), shard);
        t.equal(numbers.slotOf(number), slot);
        t.equal(shardOf(parseId(numbers.format(slot, 1))?.low ?? -1, shards), shard, 'and so does its id');
      }
    }
    t.equal(seen.size, shards * 5);
  }
});

t.test('a job is found in its shard by its id, and in no other', async (t) => {
  const shards = 4;
  const all = Array.from({ length: shards }, (_, shard) => new JobNumbers(shard, shards));
  const job = sampleJob({ seq: 3, idSeconds: 7 });
  const lookup = (slot: number): typeof job | undefined => (slot === 3 ? job : undefined);
  for (const owner of all)
    for (const other of all)
      t.equal(
        other.find(owner.format(3, 7), 10, lookup),
        other === owner ? job : undefined,
        `${owner.shard} in ${other.shard}`,
      );
  t.equal(all[1]?.find((all[1] as JobNumbers).format(3, 8), 10, lookup), undefined, 'another second');
  t.equal(all[1]?.find((all[1] as JobNumbers).format(3, 7), 3, lookup), undefined, 'not made yet');
  t.equal(all[1]?.find('job_1', 10, lookup), undefined, 'no id');
});

t.test('of jobs whose numbers share their low half, the second in the id tells which', async (t) => {
  const numbers = new JobNumbers(2, 4);
  // The numbers wrap after 2^32, so the slots do after a quarter of it.
  const slots = [5, 5 + two32 / 4, 5 + two32 / 2];
  const jobs = new Map(slots.map((seq, i) => [seq, sampleJob({ seq, idSeconds: 1000 + i })]));
  const find = (second: number): number | undefined =>
    numbers.find(numbers.format(5, second), two32, (slot) => jobs.get(slot))?.spec.seq;
  t.same([1000, 1001, 1002, 1003].map(find), [...slots, undefined]);
});

t.test('a number of shards that ids cannot name is refused', async (t) => {
  for (const shards of [0, 3, 128, -1, 1.5]) t.throws(() => new JobNumbers(0, shards), RangeError, String(shards));
  for (const shard of [-1, 4, 0.5]) t.throws(() => new JobNumbers(shard, 4), RangeError, String(shard));
});
