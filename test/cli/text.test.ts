/** Text for people. */
import t from 'tap';
import { eventLine, jobTable } from '../../src/cli/asking/job-text.js';
import { fieldLines, printable, shortDuration, table } from '../../src/cli/asking/text.js';
import type { JobEvent } from '../../src/client/event-types.js';
import type { ListedJob } from '../../src/client/types.js';

t.test('a table keeps its columns in line and within the width', (t) => {
  const rows = [
    ['a', '1'],
    ['long name', '23'],
  ];
  t.equal(table(['NAME', 'N'], rows), 'NAME       N\na          1\nlong name  23');
  t.equal(table(['NAME', 'N'], rows, { numbersFrom: 1 }), 'NAME        N\na           1\nlong name  23');
  t.equal(table(['NAME', 'N'], rows, { width: 6 }), 'NAME  \na     \nlong n');
  t.end();
});

t.test('what a handler or client wrote does not steer the terminal', (t) => {
  t.equal(printable('a\u001b[31mred\u0007\r\nb\u009b2J'), 'a[31mred b2J');
  const job = { id: 'x', name: 'n', status: 'failed', last_error: { message: '\u001b]0;title\u0007' } } as ListedJob;
  const steers = (text: string): boolean => text.includes('\u001b') || text.includes('\u0007');
  t.notOk(steers(jobTable([job])));
  const event = { type: 'job.failed', job_id: 'x', job_name: 'n', timestamp: 't', metadata: {}, seq: 1, status: 3 };
  t.notOk(steers(eventLine({ ...event, data: { error: { message: 'a\u001b[2J' } } } as unknown as JobEvent)));
  t.notOk(steers(fieldLines({ a: 'x\u001b[2J', b: { c: '\u001b[2J' } })));
  t.end();
});

t.test('events stand in columns, and what has spaces is in quotes', (t) => {
  const of = (type: string, timestamp: string, metadata: object): string =>
    eventLine({ type, job_id: 'x', job_name: 'n', timestamp, metadata, seq: 1, status: 0 } as unknown as JobEvent);
  const short = of('job.paused', '2026-11-30T12:00:00+00:00', { reason: 'the disk="full"', until: null });
  const long = of('job.scheduled', '2026-11-30T12:00:00.125+00:00', { is_repeat: false, at: '12:00' });
  t.equal(short, '2026-11-30T12:00:00+00:00      job.paused     n  x  reason="the disk=\\"full\\""  until=null');
  t.equal(long, '2026-11-30T12:00:00.125+00:00  job.scheduled  n  x  is_repeat=false  at=12:00');
  t.end();
});

t.test('durations by their two largest units', (t) => {
  const day = 86_400_000;
  t.same([0, 250, 59_999, 61_000, 3_600_000, day - 1, day, 3.5 * day].map(shortDuration), [
    ...['0s', '250ms', '59s', '1m1s', '1h0m', '23h59m', '1d0h', '3d12h'],
  ]);
  t.end();
});
