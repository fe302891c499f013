/** Whatever of the user's code runs for an attempt is charged to it, also what runs after the handler has returned. */
import t from 'tap';
import { handlersFolder } from '../support/server.js';
import { PoolHarness } from './harness.js';

const hang = 'for (;;);';
const sources = {
  getter: `export default () => { throw { get message() { ${hang} } }; };`,
  getter_late: `export default async () => { await null; throw { get message() { ${hang} } }; };`,
  to_json: `export default () => ({ toJSON() { ${hang} } });`,
  to_json_late: `export default async () => { await null; return { toJSON() { ${hang} } }; };`,
  then_getter: `export default () => ({ get then() { ${hang} } });`,
  then_method: `export default () => ({ then() { ${hang} } });`,
  then_late: `export default async () => { await null; return { then() { ${hang} } }; };`,
  inspect: `export default () => { throw { [Symbol.for('nodejs.util.inspect.custom')]() { ${hang} } }; };`,
};

for (const name of Object.keys(sources)) {
  t.test(`one that hangs in ${name} among twenty others is charged at once, and nobody else`, async (t) => {
    const harness = await PoolHarness.start(t, { handlersDir: handlersFolder(sources) });
    const others = harness.sendMany(20, 'sleep', { ms: 60_000 });
    await harness.begun(20);
    t.match(await harness.run(name, {}, { timeoutMs: 300 }), { kind: 'failed', code: 'timeout' });
    for (const other of others) {
      const outcome = await harness.outcome(other);
      t.match(outcome, { kind: 'interrupted', begun: true });
      t.notOk(outcome.suspect, 'no suspicion either');
    }
  });
}

t.test('what is thrown and is no error keeps its text', async (t) => {
  const harness = await PoolHarness.start(t, {
    handlersDir: handlersFolder({ boom: 'export default ({ what }) => { throw what; };' }),
  });
  for (const [what, message] of [
    ['boom', 'boom'],
    [42, '42'],
    [false, 'false'],
    ['', 'the handler threw an empty text'],
    [{ reason: 'boom' }, "the handler threw { reason: 'boom' }"],
    [{ name: 'Odd', message: 'boom' }, 'boom'],
  ] as const) {
    const name = typeof what === 'object' && 'name' in what ? 'Odd' : 'Error';
    t.match(await harness.run('boom', { what }), { kind: 'failed', name, message, code: 'handler_error' });
  }
});
