/** Batches read in steps: the same verdict as reading them whole, and no step has more than its share. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { Faults } from '../../../src/api/faults.js';
import { readDraft } from '../../../src/api/validate.js';
import { Refusal } from '../../../src/domain/errors.js';
import type { JobDraft } from '../../../src/scheduler/messages.js';
import { BatchReader } from '../../../src/server/bodies/batch-body.js';
import { AllOrNone, placesIn } from '../../../src/server/bodies/batch-items.js';
import { parseJson, parseLines } from '../../../src/server/bodies/json-body.js';

const rules = { timezone: 'UTC', isRegistered: (name: string) => name === 'noop' };
const maxItemBytes = 1024 * 1024;

type Verdict = { readonly drafts: readonly JobDraft[] } | { readonly code: string; readonly paths: readonly string[] };

function verdict(read: () => readonly JobDraft[]): Verdict {
  try {
    return { drafts: read() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, faults } = error;
    // What is nested too deep ends the reading where it is found, with what was found by then.
    if (faults.some(({ message }) => message.includes('nested'))) return { code, paths: ['nested'] };
    return { code, paths: faults.map(({ path }) => path).sort() };
  }
}

function inSteps(bytes: Buffer, ndjson: boolean): readonly JobDraft[] {
  const reader = new BatchReader(bytes, ndjson, new AllOrNone(rules), maxItemBytes);
  for (;;) {
    const drafts = reader.step();
    if (drafts) return drafts;
  }
}

function whole(bytes: Buffer, ndjson: boolean): readonly JobDraft[] {
  const faults = new Faults();
  const values = ndjson ? parseLines(bytes, placesIn(faults)) : parseJson(bytes, faults);
  if (!Array.isArray(values) || values.length === 0) {
    faults.add('', 'must be an array of jobs');
    throw faults.refusal();
  }
  const drafts = values.map((value, index) => readDraft(value, rules, faults, `/${index}`));
  faults.throwIfAny();
  return drafts as JobDraft[];
}

const payload = fc.oneof(
  fc.constant({}),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
  fc.constantFrom<object>({ s: '[{",\\' }, { s: '\\"]}' }, { é: ['\u2028', '😀'] }, { big: 'x'.repeat(40_000) }),
);
const item = fc.oneof(
  { weight: 8, arbitrary: payload.map((one) => JSON.stringify({ name: 'noop', delay: '1h', payload: one })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"name":"noop"}',
      '{"name":"nope","delay":"1h"}',
      '5',
      '[]',
      'null',
      '{"name":"noop","delay":"1h","payload":{"a":12345678901234567890}}',
      '{"name":"noop","delay":"1h","payload":{"a":1e999}}',
      `{"name":"noop","delay":"1h","payload":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`,
    ),
  },
);
const blank = fc.constantFrom('', ' ', '\n\t ');

t.test('an array, however it is written', async () => {
  const body = fc
    .tuple(fc.array(fc.tuple(blank, item, blank), { maxLength: 12 }), blank)
    .map(([items, edge]) => `${edge}[${items.map((parts) => parts.join('')).join(',')}]${edge}`);
  fc.assert(
    fc.property(body, (text) => {
      const bytes = Buffer.from(text);
      deepStrictEqual(
        verdict(() => inSteps(bytes, false)),
        verdict(() => whole(bytes, false)),
      );
    }),
    { numRuns: 400 },
  );
});

t.test('an array with something taken out, put in or cut off', async () => {
  const damage = fc.record({
    at: fc.nat(),
    out: fc.nat(2),
    put: fc.constantFrom('', ',', '[', ']', '{', '}', '"', '\\', ' ', '1'),
  });
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 6 }), damage, (items, { at, out, put }) => {
      const text = `[${items.join(',')}]`;
      const place = at % (text.length + 1);
      const bytes = Buffer.from(text.slice(0, place) + put + text.slice(place + out));
      const [steps, once] = [verdict(() => inSteps(bytes, false)), verdict(() => whole(bytes, false))];
      if ('drafts' in once) deepStrictEqual(steps, once);
      else ok(!('drafts' in steps));
    }),
    { numRuns: 1000 },
  );
});

t.test('lines', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(item, fc.constantFrom('\n', '\r\n', '\n\n')), { maxLength: 12 }), (lines) => {
      const bytes = Buffer.from(lines.map((parts) => parts.join('')).join(''));
      if (bytes.length === 0) return;
      deepStrictEqual(
        verdict(() => inSteps(bytes, true)),
        verdict(() => whole(bytes, true)),
      );
    }),
    { numRuns: 300 },
  );
});

t.test('what cannot be a batch is found out early', async (t) => {
  const first = (text: string): Verdict => {
    const bytes = Buffer.from(text);
    let steps = 0;
    return verdict(() => {
      const reader = new BatchReader(bytes, false, new AllOrNone(rules), maxItemBytes);
      for (;;) {
        const drafts = reader.step();
        t.ok(++steps < 1000);
        if (drafts) return drafts;
      }
    });
  };
  t.match(first(`[${'[],'.repeat(100_000)}[]]`), { code: 'validation_failed', paths: [''] }, 'too many jobs');
  t.match(first(`[{"a":[${'1,'.repeat(200_000)}1]}]`), { code: 'validation_failed', paths: ['/0'] }, 'too many values');
  t.match(first(`[5,"${'x'.repeat(2 * maxItemBytes)}"]`), { code: 'validation_failed', paths: ['/1'] }, 'too large');
  t.match(
    first(`[${'['.repeat(5000)}${']'.repeat(5000)}]`),
    { code: 'validation_failed', paths: ['nested'] },
    'too deep',
  );
  for (const text of ['', 'x', '[', '[1', '[1]]', '[1]x', '[1}', '[,]', '[1,]', '\ufeff[]', '["'])
    t.match(first(text), { code: 'malformed_json' }, text);
  for (const text of ['{}', '5', '"x"', 'null', '[]', '[ ]'])
    t.match(first(text), { code: 'validation_failed', paths: [''] }, text);
});

t.test('each step takes its share only', async (t) => {
  const job = JSON.stringify({ name: 'noop', delay: '1h', payload: { a: 'x'.repeat(300) } });
  const bytes = Buffer.from(`[${Array.from({ length: 10_000 }, () => job).join(',')}]`);
  let checked = 0;
  let most = 0;
  const counting = {
    ...rules,
    isRegistered: () => {
      checked += 1;
      return true;
    },
  };
  const reader = new BatchReader(bytes, false, new AllOrNone(counting), maxItemBytes);
  let drafts: readonly JobDraft[] | undefined;
  for (let before = 0; drafts === undefined; before = checked) {
    drafts = reader.step();
    most = Math.max(most, checked - before);
  }
  t.equal(drafts.length, 10_000);
  t.ok(most <= 100, `${most} jobs in a step`);
});
