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
    { add: (line) => kept.push(line) > 0, drop: () => t.fail('nothing was dropped') },
    { publishTransient: ({ at }) => told.push(at) },
    1234,
  );
  t.match(kept, [
    { jobSeq: 5, run: 2, at: 1234, message: 'one' },
    { jobSeq: 5, run: 2, at: 1234, message: 'two' },
  ]);
  t.same(told, [1234, 1234]);
});

t.test(
  'lines that another node has told keep their time and number, and what was there already is told once',
  async (t) => {
    const of = { jobSeq: 5, fence: 2, jobId: 'job_1_00000005', name: 'writes', level: 'info' as const };
    const told: number[] = [];
    const dropped: number[][] = [];
    keepLines(
      [
        { ...of, message: 'again', at: 7, n: 0 },
        { jobSeq: 5, fence: 2, jobId: of.jobId, name: of.name, dropped: 3, at: 8, n: 1 },
        { ...of, message: 'new', at: 9, n: 4 },
      ],
      { add: ({ n }) => n !== 0, drop: (...all) => dropped.push(all as number[]) },
      { publishTransient: ({ at }) => told.push(at) },
      1234,
    );
    t.same(told, [9]);
    t.same(dropped, [[5, 2, 3, 1]]);
  },
);
