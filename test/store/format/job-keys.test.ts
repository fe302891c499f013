/** Keys of jobs on disk, as bytes that must never change. */
import t from 'tap';
import { placeOfJobKey } from '../../../src/domain/control/keys.js';
import type { JobSpec } from '../../../src/domain/job.js';
import { ByteWriter } from '../../../src/store/format/bytes.js';
import { readSpec, writeSpec } from '../../../src/store/format/spec-codec.js';
import { jobKeyPut, placeOfUnder, readKeyHolder } from '../../../src/store/format/trees/job-key.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { DamagedRecord } from '../../../src/store/port.js';
import { noon, sampleSpec } from '../samples.js';

const place = placeOfJobKey('noop', 'order-1');
const holder = { seq: 7, keptUntil: noon + 1000 };
const known = {
  under: '6e6f6f70206f726465722d31',
  value: 'd81beb10070000000000e8d96d799b01',
  keyed: [
    'e9ccb78b040000030000846156690000a0eb6c799b0160ea00000000e09304000000000060dd96b779420000180100',
    '076f726465722d3160ea000000000b0000007b226f72646572223a317d',
  ].join(''),
  succeeded: [
    '46fcf11b040000030000846156690000a0eb6c799b0160ea00000000e09304000000000060dd96b779420002080200',
    '03076f726465722d3142000000b5e31fb4040000030000846156690000a0eb6c799b0160ea00000000e09304000000',
    '000060dd96b779420000080000076f726465722d31070000007b226e223a327d0b0000007b226f72646572223a317d',
  ].join(''),
};

t.test('who has a key', async (t) => {
  const { tree, key, value } = jobKeyPut(place, holder);
  const under = Buffer.from(key);
  t.equal(tree, 'jobKeys');
  t.equal(under.toString('hex'), known.under);
  t.equal(Buffer.from(value as Uint8Array).toString('hex'), known.value);
  t.equal(placeOfUnder(under), place);
  t.same(readKeyHolder(Buffer.from(value as Uint8Array), under), holder);
  t.equal(jobKeyPut(place, undefined).value, null, 'without a holder nothing stays');
  t.throws(() => readKeyHolder(Buffer.from(value as Uint8Array), Buffer.from('noop order-2')), DamagedRecord);
});

t.test('the key of a spec, and what it is to become', async (t) => {
  const types = new TypeDictionary();
  const typeId = types.idOf('noop');
  const bytesOf = (spec: JobSpec): Buffer => {
    const out = new ByteWriter();
    writeSpec(out, spec, typeId);
    return out.since(0);
  };
  const keyed = sampleSpec({ key: 'order-1', keyTtlMs: 60_000, keyLost: true });
  t.equal(bytesOf(keyed).toString('hex'), known.keyed);
  t.match(readSpec(keyed.seq, bytesOf(keyed), types), { key: 'order-1', keyTtlMs: 60_000, keyLost: true });
  const successor = sampleSpec({ key: 'order-1', payload: '{"n":2}' });
  const succeeded = sampleSpec({ key: 'order-1', priority: 3, successor });
  t.equal(bytesOf(succeeded).toString('hex'), known.succeeded);
  t.match(readSpec(succeeded.seq, bytesOf(succeeded), types), {
    key: 'order-1',
    priority: 3,
    successor: { key: 'order-1', payload: '{"n":2}', seq: succeeded.seq },
  });
});

t.test('the group of a spec', async (t) => {
  const types = new TypeDictionary();
  const typeId = types.idOf('noop');
  const out = new ByteWriter();
  const spec = sampleSpec({ group: 'acme', key: 'order-1', priority: -3 });
  writeSpec(out, spec, typeId);
  t.match(readSpec(spec.seq, out.since(0), types), { group: 'acme', key: 'order-1', priority: -3 });
});
