/** The set of those that wait, against a plain one. */

import fc from 'fast-check';
import t from 'tap';
import { WaitingSeqs } from '../../../src/scheduler/admission/waiting-seqs.js';

t.test('it counts each once, also beyond 32 bits', async (t) => {
  const seq = fc.oneof(
    fc.integer({ min: 0, max: 70 }),
    fc.constantFrom(1023, 1024, 2 ** 32, 2 ** 32 + 1, 2 ** 45 + 31),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), seq)), (steps) => {
      const seqs = new WaitingSeqs();
      const plain = new Set<number>();
      for (const [adds, each] of steps) {
        if (adds) seqs.add(each);
        else seqs.delete(each);
        if (adds) plain.add(each);
        else plain.delete(each);
        if (seqs.size !== plain.size) return false;
      }
      return true;
    }),
  );
  t.pass('lists of additions and removals');
});
