/** What a soak calls a leak, and a short one of the real server: too short for what its memory does, long enough for its faults. */
import t from 'tap';
import { growths, type Sample } from './samples.js';
import { soak } from './soak.js';

t.setTimeout(240_000);

const calm: Sample = {
  atSeconds: 0,
  rssMiB: 190,
  privateMiB: 150,
  heapMiB: 40,
  handles: 30,
  descriptors: 40,
  threads: 14,
  fileMiB: 20,
  latenessMs: 1,
};
const over = (count: number, of: (n: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: count }, (_, n) => ({ ...calm, atSeconds: n * 5, ...of(n) }));
const leaking = (samples: readonly Sample[]): string[] =>
  growths(samples)
    .filter(({ leaks }) => leaks)
    .map(({ quantity }) => quantity);

t.test('what grows all the time leaks, each by its own measure', async (t) => {
  t.same(leaking(over(60, (n) => ({ privateMiB: 150 + 2 * n }))), ['privateMiB']);
  t.same(leaking(over(60, (n) => ({ heapMiB: 40 + n / 2 }))), ['heapMiB']);
  t.same(leaking(over(60, (n) => ({ handles: 30 + n }))), ['handles']);
  t.same(leaking(over(60, (n) => ({ descriptors: 40 + n }))), ['descriptors']);
  t.same(leaking(over(60, (n) => ({ threads: 14 + Math.floor(n / 5) }))), ['threads']);
  t.same(leaking(over(60, (n) => ({ fileMiB: 20 + 3 * n }))), ['fileMiB']);
});

t.test('warming up, unrest and a single outlier are no leaks', async (t) => {
  t.same(leaking(over(60, () => ({}))), []);
  t.same(leaking(over(60, (n) => ({ privateMiB: Math.min(150, 20 + 10 * n) }))), []);
  t.same(leaking(over(60, (n) => ({ privateMiB: 150 + (n % 2) * 30, threads: 14 + (n % 3) }))), []);
  t.same(leaking(over(60, (n) => (n === 58 ? { privateMiB: 900, descriptors: 900 } : {}))), []);
});

t.test('a short soak with faults: everything happens that was promised', async (t) => {
  const { wrong, events, samples, faults } = await soak({
    minutes: 0.5,
    perSecond: 60,
    seed: 7,
    faultEverySeconds: 3,
    print: (line) => t.comment(line),
  });
  t.same(wrong, []);
  t.ok(events > 1000, `${events} events`);
  for (const [kind, count] of Object.entries(faults)) t.ok(count > 0, `${count} of the kind ${kind}`);
  const leaks = growths(samples).filter(
    (growth) => growth.leaks && !['privateMiB', 'heapMiB'].includes(growth.quantity),
  );
  t.same(leaks, []);
});
