/**
 * Pauses and settings as bytes: what servers have written since there are pauses is read as what it meant then, and written again
 * the same. These bytes must never change.
 */
import t from 'tap';
import { noSettings, type Settings } from '../../../src/domain/control/settings.js';
import type { JobEvent } from '../../../src/domain/events.js';
import { type JobState, noDetail, wakesAt } from '../../../src/domain/job.js';
import { ByteReader, ByteWriter } from '../../../src/store/format/bytes.js';
import { shownDetail, storedDetail, withMore } from '../../../src/store/format/detail.js';
import { readEvent, writeEvent } from '../../../src/store/format/event-codec.js';
import { seal } from '../../../src/store/format/layout.js';
import {
  readRow,
  rowBytes,
  rowDue,
  rowHasMore,
  rowPriority,
  rowStatus,
  rowWakes,
  writeRow,
} from '../../../src/store/format/row.js';
import { readSettings, settingsPuts } from '../../../src/store/format/settings.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { noon, sampleState } from '../samples.js';

const hour = 3_600_000;
/** Behind the due time: the occurrence, when it was updated, and what it has not come to yet. */
const rest = '000060dd96b77942a0eb6c799b01000000000000000000000000000000000000000000000300';
const cases: [why: string, state: Partial<JobState>, row: string, more: object, wakes: number | undefined][] = [
  [
    'until an instant',
    { pause: { until: noon + 5, reason: 'r' } },
    `0100000300000000005060dd96b77942${rest}`,
    { due: noon, pause: { until: noon + 5, reason: 'r' } },
    noon + 5,
  ],
  ['for ever', { pause: {} }, `0100000700000000000060dd96b77942${rest}`, { due: noon, pause: {} }, undefined],
  [
    'an extra occurrence',
    { pause: { passes: true }, nextSlot: noon + 9 },
    `0100000300000000000060dd96b77942${rest}`,
    { due: noon, nextSlot: noon + 9, pause: { passes: true } },
    noon,
  ],
];

for (const [why, more, written, stored, wakes] of cases) {
  t.test(`a paused job: ${why}`, async (t) => {
    const state = sampleState(more);
    const row = Buffer.alloc(rowBytes);
    writeRow(row, 0, state, 3, true);
    t.equal(row.toString('hex'), written);
    const detail = storedDetail({ state, detail: { result: '1' } });
    t.strictSame(detail, { result: '1', more: stored });
    t.strictSame(shownDetail(detail), { result: '1' });
    t.equal(shownDetail(storedDetail({ state, detail: noDetail })), noDetail);
    t.ok(rowHasMore(row, 0));
    t.equal(rowWakes(row, 0), wakes !== undefined);
    if (wakes !== undefined) t.equal(rowDue(row, 0), wakes, 'the due index has when it wakes');
    t.strictSame(withMore(readRow(row, 0) as JobState, detail, 1), state);
    t.throws(() => withMore(state, {}, 1), { name: 'DamagedRecord' });
  });
}

t.test('a pause, a priority and runs are in one row beside each other', async (t) => {
  const runs = { runCount: 70_000, lastOutcome: 'failed' } as const;
  const row = Buffer.alloc(rowBytes);
  const until = sampleState({ ...runs, interruptions: 2, pause: { until: noon + 5 }, nextSlot: noon + 9 });
  writeRow(row, 0, until, 3, true, -7);
  t.equal(row[3], 1 + 2 + 8 + 16 + 32);
  t.strictSame(
    [rowDue(row, 0), rowPriority(row, 0), rowStatus(row, 0), rowWakes(row, 0)],
    [noon + 5, -7, 'pending', true],
  );
  t.strictSame(withMore(readRow(row, 0) as JobState, storedDetail({ state: until, detail: noDetail }), 1), until);
  const longOver = sampleState({ ...runs, pause: { until: -hour } });
  writeRow(row, 0, longOver, 3, true);
  t.equal(rowDue(row, 0), 0);
  t.equal(wakesAt(longOver), 0, 'the pause of a job ends when the index says so');
  t.strictSame(withMore(readRow(row, 0) as JobState, storedDetail({ state: longOver, detail: noDetail }), 1), longOver);
  const parked = sampleState({ ...runs, lastOutcome: 'success', pause: {} });
  writeRow(row, 0, parked, 3, true, 100);
  t.equal(row[3], 1 + 2 + 4 + 8 + 16 + 64);
  t.strictSame([rowPriority(row, 0), rowStatus(row, 0), rowWakes(row, 0)], [100, 'pending', false]);
  t.strictSame(withMore(readRow(row, 0) as JobState, storedDetail({ state: parked, detail: noDetail }), 1), parked);
});

const settings: Settings = {
  server: { paused: { since: noon } },
  types: new Map([['mail', { paused: { since: noon, reason: 'r' } }]]),
};
const entries = {
  'set:type:mail':
    'd27e9b9a017b22706175736564223a7b2273696e6365223a313736373236383830303030302c22726561736f6e223a2272227d7d',
  'set:server': '8b034ebc017b22706175736564223a7b2273696e6365223a313736373236383830303030307d7d',
};

t.test('settings of the server and of types', async (t) => {
  const put = settingsPuts({ ...settings, types: new Map([...settings.types, ['free', {}]]) });
  const written = put.map(({ tree, key, value }) => [
    tree,
    key.toString(),
    value && Buffer.from(value).toString('hex'),
  ]);
  t.strictSame(written, [
    ['meta', 'set:type:mail', entries['set:type:mail']],
    ['meta', 'set:type:free', null],
    ['meta', 'set:server', entries['set:server']],
  ]);
  const there = Object.entries(entries).map(([key, hex]) => ({
    key: Buffer.from(key),
    value: Buffer.from(hex, 'hex'),
  }));
  t.strictSame(readSettings(there), settings);
  t.strictSame(readSettings([]), noSettings);
});

t.test('settings that are damaged are refused, and those of a newer version are newer', async (t) => {
  const [key, hex] = Object.entries(entries)[0] as [string, string];
  const value = Buffer.from(hex, 'hex');
  for (let at = 0; at < value.length; at++) {
    const damaged = Buffer.from(value);
    damaged[at] = (damaged[at] as number) ^ 1;
    t.throws(() => readSettings([{ key: Buffer.from(key), value: damaged }]), { name: 'DamagedRecord' });
  }
  t.throws(
    () => readSettings([{ key: Buffer.from('set:server'), value }]),
    { name: 'DamagedRecord' },
    'of another key',
  );
  const newer = seal(Buffer.from('\u0002{}'), Buffer.from(key));
  t.throws(() => readSettings([{ key: Buffer.from(key), value: newer }]), {
    name: 'NewerRecord',
    message: /^the settings of job type mail was written by a newer escapement/,
  });
});

t.test('events of pauses', async (t) => {
  const head = { jobSeq: 7, idSeconds: 1767268740, jobName: 'a', at: noon };
  const events: JobEvent[] = [
    { ...head, seq: 1, body: { type: 'job.paused', status: 'running', until: noon, reason: 'r' } },
    { ...head, seq: 2, body: { type: 'job.resumed', status: 'pending' } },
  ];
  const out = new ByteWriter(10);
  for (const event of events) writeEvent(out, event, 0);
  t.equal(
    out.since(0).toString('hex'),
    [
      '07070000000000846156690000000000d66d799b0101000060dd96b77942010100000072',
      '08070000000000846156690000000000d66d799b0100000000000000f07f00',
    ].join(''),
  );
  const types = new TypeDictionary();
  types.restore(0, 'a');
  const input = new ByteReader(out.since(0));
  t.strictSame([readEvent(input, 1, types), readEvent(input, 2, types)], events);
});
