/** Settings over nodes: when a change is answered, and what becomes of one that the database refuses or does not answer. */
import t from 'tap';
import { writeFacts } from '../../../src/cluster/leases/facts.js';
import { type SettingsRequest, SharedSettings } from '../../../src/cluster/settings/shared-settings.js';
import type { Answer } from '../../../src/scheduler/messages.js';
import { FakeDatabase, type Faults, noFaults } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const [first, second] = ['a'.repeat(32), 'b'.repeat(32)] as const;
const pause: SettingsRequest = { kind: 'pauseServer', reason: 'a move' };
const limit: SettingsRequest = { kind: 'setType', name: 'mail', change: { concurrency: 2 } };

/** Nodes whose rows say what they go by; time passes with each step. */
function world(...names: readonly string[]) {
  const fake = new FakeDatabase({ random: new Random(3), shards: 1 });
  let now = 1_000_000;
  let waiting: { at: number; over: () => void }[] = [];
  const make = (name: string) => {
    fake.tables.join({ node: name, address: `http://${name[0]}`, format: 1, leaving: false, facts: '{}' });
    const told: (boolean | undefined)[] = [];
    /** The row says what it goes by, as soon as it is to. */
    const node = { tells: true, told, settings: undefined as unknown as SharedSettings };
    node.settings = new SharedSettings({
      database: fake.of(name),
      clock: { now: () => now, monotonic: () => now },
      pause: (ms) => new Promise((over) => waiting.push({ at: now + ms, over })),
      randomId: () => fake.randomId(),
      changed: async ({ server }) => void told.push(server.paused !== undefined),
      tell: () => say(),
    });
    const say = (): void => {
      if (!node.tells) return;
      const facts = writeFacts({ takes: true, ready: [], due: {}, settings: node.settings.applied });
      fake.tables.beat(name, 0, { facts });
    };
    return { ...node, node, say };
  };
  const nodes = names.map(make);
  const step = async (): Promise<void> => {
    now += 5;
    for (const { settings } of nodes) settings.tick();
    fake.step();
    for (const { over } of waiting.filter(({ at }) => at <= now)) over();
    waiting = waiting.filter(({ at }) => at > now);
    await turn();
  };
  const change = (by: { settings: SharedSettings }, request: SettingsRequest) => {
    const asked: { answer?: Answer } = {};
    void by.settings.change(request).then((answer) => {
      asked.answer = answer;
    });
    return asked;
  };
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let count = 0; !isSo(); count++) {
      if (count > 10_000) throw new Error(`it never is so: ${what}`);
      await step();
    }
  };
  const answered = async (asked: { answer?: Answer }): Promise<Answer> => {
    await until('it is answered', () => asked.answer !== undefined);
    return asked.answer as Answer;
  };
  return { fake, nodes, step, change, until, answered, since: (from: number) => now - from, now: () => now };
}

t.test('a change is answered when the rows of all nodes that live show it', async (t) => {
  const { nodes, change, until, answered, step, fake } = world(first, second);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  b.node.tells = false;
  const asked = change(a, pause);
  await until('the other has read it', () => b.settings.current.server.paused !== undefined);
  for (let i = 0; i < 100; i++) await step();
  t.equal(asked.answer, undefined, 'its row does not show it yet');
  b.node.tells = true;
  b.say();
  t.same(await answered(asked), { ok: true, jobs: [], replayed: false });
  t.match(b.settings.current.server.paused, { reason: 'a move' });
  t.same(b.told, [false, true]);

  t.match(await answered(change(b, { kind: 'resumeServer' })), { ok: true });
  t.equal(a.settings.current.server.paused, undefined);
  t.match(await answered(change(b, { kind: 'resumeServer' })), { ok: true }, 'where nothing is paused');
  t.same(fake.tables.settings(undefined)?.rows, [], 'nothing is kept of what is not set');
});

t.test('two changes at once are both made', async (t) => {
  const { nodes, change, answered } = world(first, second);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const both = [change(a, limit), change(b, { ...limit, change: { groupConcurrency: 1 } }), change(b, pause)];
  for (const asked of both) t.match(await answered(asked), { ok: true });
  for (const { settings } of nodes) {
    t.match(settings.current.types.get('mail'), { concurrency: 2, groupConcurrency: 1 });
    t.ok(settings.current.server.paused);
  }
  t.match(await answered(change(a, { ...limit, change: { concurrency: null } })), { ok: true });
  t.same(b.settings.current.types.get('mail'), { groupConcurrency: 1 });
});

t.test('a node that does not go by it is named, unless it is dead', async (t) => {
  const { fake, nodes, change, answered, now } = world(first, second);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  b.node.tells = false;
  const from = now();
  const answer = await answered(change(a, limit));
  t.match(answer, { ok: false, refusal: { code: 'storage_unavailable', detail: /not yet by http:\/\/b\. Ask again/ } });
  t.ok(now() - from >= 10_000, 'it was waited for');
  t.match(a.settings.current.types.get('mail'), { concurrency: 2 }, 'it is stored');

  const asked = change(a, pause);
  fake.tables.declareDead(second, fake.tables.nodes().find(({ node }) => node === second)!.beat);
  t.match(await answered(asked), { ok: true });
});

t.test('what cannot be set is refused at once', async (t) => {
  const { fake, nodes, change, answered } = world(first);
  const [a] = nodes as [(typeof nodes)[0]];
  const answer = await answered(change(a, { kind: 'setType', name: 'mail', change: { reason: 'none' } }));
  t.match(answer, { ok: false, refusal: { code: 'validation_failed' } });
  t.equal(fake.tables.settings(undefined)?.version, 0);
});

const ends: readonly [faults: Faults, code: string, detail: RegExp][] = [
  [{ refused: 1 }, 'storage_unavailable', /nothing was changed/],
  [{ gone: 1 }, 'timeout', /may have been made, or may be yet/],
];

for (const [faults, code, detail] of ends) {
  t.test(`a change that the database does not take in time is a ${code}`, async (t) => {
    const { fake, nodes, change, answered, until } = world(first);
    const [a] = nodes as [(typeof nodes)[0]];
    await until('it has read', () => a.settings.applied !== undefined);
    fake.faults = faults;
    t.match(await answered(change(a, pause)), { ok: false, refusal: { code, detail } });
    fake.faults = noFaults;
    t.match(await answered(change(a, pause)), { ok: true }, 'asked again');
    t.equal(fake.tables.settings(undefined)?.version, 1);
  });
}

for (const fault of ['lost', 'late'] as const) {
  t.test(`a change whose answer is ${fault} is made once`, async (t) => {
    const { fake, nodes, change, answered, until, step } = world(first);
    const [a] = nodes as [(typeof nodes)[0]];
    await until('it has read', () => a.settings.applied !== undefined);
    const asked = change(a, pause);
    // Its first reading is under way; what becomes of a statement is chosen when that is sent.
    fake.faults = { [fault]: 1 };
    await until('it is sent', () => fake.waiting.includes('set'));
    fake.faults = noFaults;
    t.match(await answered(asked), { ok: true });
    for (let i = 0; i < 300; i++) await step();
    t.match(fake.tables.settings(undefined), { version: 1, rows: [{ name: 'server' }] });
  });
}

t.test('a change that the database has lost is not gone by any more', async (t) => {
  const { fake, nodes, change, answered, until } = world(first, second);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  t.match(await answered(change(a, limit)), { ok: true });
  const before = fake.tables.writes;
  t.match(await answered(change(a, pause)), { ok: true });
  fake.tables.forget(fake.tables.writes - before);
  await until('they go by what is there', () =>
    nodes.every(({ settings }) => settings.current.server.paused === undefined),
  );
  t.match(b.settings.current.types.get('mail'), { concurrency: 2 });
  t.match(await answered(change(b, pause)), { ok: true }, 'it is another change of the same number');
  t.ok(a.settings.current.server.paused);
});
