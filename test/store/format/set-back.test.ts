/** That the clock was set back, as bytes. These must never change: whoever changes the format adds a version. */
import t from 'tap';
import { metaKey, seal } from '../../../src/store/format/layout.js';
import { readSetBack, setBackPut } from '../../../src/store/format/meta/set-back.js';
import { DamagedRecord, NewerRecord } from '../../../src/store/port.js';
import { noon } from '../samples.js';

const setBack = { now: noon, aheadSince: noon + 3_600_000, shownBefore: noon + 5 };
const known =
  '6dcde835017b226e6f77223a313736373236383830303030302c22616865616453696e6365223a313736373237323430303030302c2273686f776e4265666f7265223a313736373236383830303030357d';

t.test('it is written as ever, and read again', async (t) => {
  const { tree, key, value } = setBackPut(setBack);
  t.equal(tree, 'meta');
  t.same(key, metaKey('setBack'));
  t.equal(Buffer.from(value as Uint8Array).toString('hex'), known);
  t.same(readSetBack(Buffer.from(known, 'hex')), setBack);
});

t.test('nothing stays when all jobs have been looked at', async (t) => {
  t.equal(setBackPut('none').value, null);
  t.equal(readSetBack(undefined), undefined);
});

t.test('what is damaged, or of a newer version, is told from what is whole', async (t) => {
  const damaged = Buffer.from(known, 'hex');
  damaged[12] = (damaged[12] as number) ^ 1;
  t.throws(() => readSetBack(damaged), DamagedRecord);
  t.throws(() => readSetBack(seal(Buffer.from('\u0002{}'), metaKey('setBack'))), NewerRecord);
});
