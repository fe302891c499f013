/** The table of words does what a map would, whatever comes and goes. */
import fc from 'fast-check';
import t from 'tap';
import { countOf, type Postings, SeqSet } from '../../../../src/store/trees/labels/seq-set.js';
import { WordTable } from '../../../../src/store/trees/labels/word-table.js';

const jobsOf = (postings: Postings | undefined): number[] => {
  if (postings === undefined) return [];
  if (typeof postings === 'number') return [postings];
  if (!(postings instanceof SeqSet)) return [...postings].sort((a, b) => a - b);
  return [...postings.blocks()].flatMap((block) =>
    [...(postings.bitmap(block) ?? [])].map((low) => block * 65_536 + low),
  );
};

t.test('as a map of sets, with few words and with many', async (t) => {
  const step = fc.record({ adds: fc.boolean(), word: fc.nat(400), seq: fc.integer({ min: 1, max: 120 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000, size: 'max' }), (steps) => {
      const table = new WordTable();
      const model = new Map<string, Set<number>>();
      for (const { adds, word, seq } of steps) {
        const name = `tcustomer-${word % 7 === 0 ? 1 : word}`;
        const jobs = model.get(name) ?? new Set();
        model.set(name, jobs);
        if (adds) {
          table.add(name, seq);
          jobs.add(seq);
        } else {
          table.delete(name, seq);
          jobs.delete(seq);
        }
      }
      for (const [name, jobs] of model) {
        const expected = [...jobs].sort((a, b) => a - b);
        if (String(jobsOf(table.get(name))) !== String(expected))
          throw new Error(`${name}: ${jobsOf(table.get(name))} instead of ${expected}`);
      }
      table.dispose();
    }),
    { numRuns: 60 },
  );
  t.pass('no difference was found');
});

t.test('many words on one job each, of which half go again', async (t) => {
  const table = new WordTable();
  const count = 100_000;
  for (let seq = 1; seq <= count; seq++) table.add(`torder-${seq}`, seq);
  for (let seq = 1; seq <= count; seq += 2) table.delete(`torder-${seq}`, seq);
  let wrong = 0;
  for (let seq = 1; seq <= count; seq++) if (table.get(`torder-${seq}`) !== (seq % 2 === 0 ? seq : undefined)) wrong++;
  t.equal(wrong, 0);
  t.equal(table.get('torder-0'), undefined, 'a word that was never there');
});

t.test('words that are alike are told apart', async (t) => {
  const table = new WordTable();
  const words = [
    'ta',
    'tb',
    'tab',
    'tba',
    'taa',
    't',
    'ka',
    'tA',
    'ta\0',
    'tab\0',
    `t${'a'.repeat(128)}`,
    `t${'a'.repeat(127)}`,
  ];
  for (const [index, word] of words.entries()) table.add(word, index + 1);
  t.same(
    words.map((word) => table.get(word)),
    words.map((_, index) => index + 1),
  );
});

t.test('what was on many jobs is on one again', async (t) => {
  const table = new WordTable();
  for (let seq = 1; seq <= 200; seq++) table.add('tx', seq);
  t.equal(countOf(table.get('tx')), 200);
  for (let seq = 1; seq < 200; seq++) table.delete('tx', seq);
  t.same(jobsOf(table.get('tx')), [200]);
  table.delete('tx', 200);
  t.equal(table.get('tx'), undefined);
  table.dispose();
});
