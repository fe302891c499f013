import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('whatever a handler throws becomes a record', async (t) => {
  const harness = await PoolHarness.start(t);
  const expected = {
    undefined: { name: 'Error', message: 'the handler threw undefined' },
    null: { name: 'Error', message: 'the handler threw null' },
    symbol: { name: 'Error', message: 'Symbol(odd)' },
    text: { name: 'Error', message: 'plain text' },
    number: { name: 'Error', message: '42' },
    proxy: { name: 'Error', message: /^the handler threw/ },
    getters: { name: 'Error', message: /^the handler threw/ },
    nameless: { name: 'Error', message: 'the handler threw Error without a message' },
  };
  for (const [what, record] of Object.entries(expected)) {
    const outcome = await harness.run('throw_odd', { what });
    t.match(outcome, { kind: 'failed', code: 'handler_error', retryable: true, ...record }, what);
  }
  const long = await harness.run('throw_odd', { what: 'long' });
  t.equal(long.kind === 'failed' && long.message.length, 4096);
});

t.test('a result that cannot be kept is a success that says so', async (t) => {
  // Less than the largest of them takes twice.
  const harness = await PoolHarness.start(t, { threadMemoryMiB: 32 });
  const tooLong = 'the result is more than 65536 bytes of JSON';
  const unwritable = 'the result cannot be written as JSON: ';
  const expected = {
    cycle: `${unwritable}Converting circular structure to JSON`,
    function: `${unwritable}a function`,
    symbol: `${unwritable}a symbol`,
    bigint: `${unwritable}Do not know how to serialize a BigInt`,
    huge: tooLong,
    list: tooLong,
    buffer: tooLong,
    many: tooLong,
    keys: tooLong,
    over: tooLong,
    wide: tooLong,
    hostile: /^the result cannot be written as JSON/,
  };
  for (const [what, resultOmitted] of Object.entries(expected)) {
    const outcome = await harness.run('odd_result', { what });
    t.match(outcome, { kind: 'succeeded', result: undefined, resultOmitted }, what);
  }
  t.match(await harness.run('odd_result', { what: 'fits' }), { kind: 'succeeded', result: /^.{65536}$/ });
  t.match(await harness.run('odd_result', { what: 'null' }), { kind: 'succeeded', result: 'null' });
  t.match(await harness.run('odd_result', { what: 'nan' }), { kind: 'succeeded', result: '{"value":null}' });
  t.match(await harness.run('odd_result', { what: 'thenable' }), { kind: 'failed', message: 'do not look' });
});
