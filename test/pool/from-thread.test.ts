import t from 'tap';
import { checkFromThread } from '../../src/pool/incoming/from-thread.js';

const row = (slot: number, kind: number) => new Float64Array([slot, kind, 1, 1]);
const report = { kind: 'report', numbers: row(1, 0), texts: [], lines: [] };
const line = { level: 'info', message: 'x' };

t.test('what a thread sends is taken in', (t) => {
  for (const good of [
    report,
    { ...report, numbers: row(256, 1), texts: ['{"a":1}'] },
    { ...report, numbers: row(1, 3), texts: ['Error', 'boom'] },
    { ...report, lines: [line, { ...line, jobId: 'j', name: 'n', attempt: 1, fields: '{"a":1}' }] },
    { ...report, lines: [{ ...line, jobId: 'j', trace_id: '0'.repeat(32), span_id: '0'.repeat(16) }] },
    { kind: 'loading', file: 'a.js' },
    { kind: 'flushed' },
    { kind: 'exiting', exitCode: 3 },
    { kind: 'unusable', reason: 'x' },
    { kind: 'ready', threadId: 1, traced: false, handlers: [{ name: 'a', file: 'a.js', options: undefined }] },
    {
      kind: 'ready',
      threadId: 1,
      traced: false,
      handlers: [{ name: 'a', file: 'a.js', options: undefined, payload: '{}' }],
    },
  ]) {
    t.same(checkFromThread(good), { message: good });
  }
  t.end();
});

t.test('what it cannot have sent is a fault', (t) => {
  const bad: unknown[] = [
    null,
    'text',
    [],
    {},
    { kind: 'other' },
    { ...report, numbers: [1, 0, 1, 1] },
    { ...report, numbers: new Float64Array(3) },
    { ...report, numbers: new Float64Array(257 * 4) },
    ...[0, 257, 1.5, -1, Number.NaN].map((slot) => ({ ...report, numbers: row(slot, 0) })),
    ...[6, -1, 0.5, Number.NaN].map((kind) => ({ ...report, numbers: row(1, kind) })),
    { ...report, numbers: new Float64Array([1, 0, Number.NaN, 1]) },
    { ...report, numbers: new Float64Array([1, 0, 1, Number.POSITIVE_INFINITY]) },
    { ...report, numbers: row(1, 1), texts: ['}{'] },
    { ...report, numbers: row(1, 1), texts: ['x'.repeat(65_537)] },
    { ...report, numbers: row(1, 1), texts: [] },
    { ...report, numbers: row(1, 3), texts: ['Error', 5] },
    { ...report, texts: ['one too many'] },
    { ...report, lines: [null] },
    { ...report, lines: [{ ...line, level: 'fatal' }] },
    { ...report, lines: [{ ...line, message: 'x'.repeat(70_000) }] },
    { ...report, lines: [{ ...line, fields: '[1]' }] },
    { ...report, lines: [{ ...line, fields: '}{' }] },
    { ...report, lines: [{ ...line, trace_id: 5 }] },
    { ...report, lines: [{ ...line, span_id: 'x'.repeat(1000) }] },
    { kind: 'exiting', exitCode: 'x' },
    { kind: 'ready', threadId: 1, handlers: [] },
    { kind: 'loading' },
    { kind: 'ready', threadId: 1, traced: false, handlers: [{ name: 5, file: 'a.js' }] },
    { kind: 'ready', threadId: 1, traced: false, handlers: [{ name: 'a' }] },
    ...['[]', '}{', 5, `{"a":"${'x'.repeat(1024 * 1024)}"}`].map((payload) => ({
      kind: 'ready',
      threadId: 1,
      traced: false,
      handlers: [{ name: 'a', file: 'a.js', payload }],
    })),
  ];
  for (const each of bad) t.match(checkFromThread(each), { fault: String }, JSON.stringify(each)?.slice(0, 80));
  t.end();
});
