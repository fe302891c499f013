/** The lines that handlers write: how they are stored, and the events about them. */
import t from 'tap';
import { keepLines, type LineKeeper } from '../../src/scheduler/attempts/lines.js';

t.test('a stored line has the same time as its event', async (t) => {
  const kept: Parameters<LineKeeper['add']>[0][] = [];
  const told: number[] = [];
  const of = { jobSeq: 5, fence: 2, jobId: 'job_1_00000005', name: 'writes' };
  keepLines(
    [
      { ...of, level: 'info', message: 'one' },
      { ...of, level: 'warn', message: 'two' },
    ],
    { add: (line) => kept.push(line), drop: () => t.fail('nothing was dropped') },
    { publishTransient: ({ at }) => told.push(at) },
    1234,
  );
  t.match(kept, [
    { jobSeq: 5, run: 2, at: 1234, message: 'one' },
    { jobSeq: 5, run: 2, at: 1234, message: 'two' },
  ]);
  t.same(told, [1234, 1234]);
});
