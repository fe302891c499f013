/** Job types over nodes: what each declares, and what comes of rows that come, change and go. */
import t from 'tap';
import { writeFacts } from '../../../src/cluster/leases/facts.js';
import { ClusterTypes } from '../../../src/cluster/types/cluster-types.js';
import { declare, readDeclared } from '../../../src/cluster/types/declared-types.js';
import type { HandlerInfo } from '../../../src/pool/port.js';
import type { NodeRow } from '../../../src/store/postgres/database.js';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { anyHandler } from '../../support/world.js';

function world() {
  const fake = new FakeDatabase({ random: new Random(5), shards: 1 });
  const lines: unknown[] = [];
  const log = {
    debug: () => {},
    info: (line: unknown) => lines.push(line),
    warn: (line: unknown) => lines.push(line),
    error: () => {},
  };
  const make = (name: string, own: readonly HandlerInfo[]) => {
    const shown: string[][] = [];
    let view: { readonly nodes: readonly NodeRow[] } | undefined;
    const types = new ClusterTypes<HandlerInfo>(
      {
        ...{ database: fake.of(name), log },
        view: () => view,
        self: () => name,
        compile: async (declared) => declared,
        tell: () => say(),
        changed: (all) => shown.push(all.map((type) => type.name)),
      },
      own,
    );
    const facts = (): string => writeFacts({ ...about, types: types.digest });
    const say = (): void => {
      fake.tables.beat(name, 0, { facts: facts() });
    };
    fake.tables.join({ node: name, address: '', format: 1, leaving: false, facts: facts() });
    const look = async (): Promise<void> => {
      view = { nodes: fake.tables.nodes() };
      types.tick();
      await work();
    };
    return { types, shown, look };
  };
  /** Carries out all that waits. */
  const work = async (): Promise<void> => {
    for (let idle = 0; idle < 3; idle++) {
      while (fake.step()) idle = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  return { fake, make, work, lines };
}

const about = { takes: true, ready: [], due: {} };
const named = (...names: readonly string[]): HandlerInfo[] => names.map((name) => anyHandler(name));

t.test('each node has the types of all that live, its own first', async (t) => {
  const { fake, make, lines } = world();
  const [a, b] = [make('a', named('mail', 'resize')), make('b', named('mail', 'bill', 'archive'))];
  for (const { look } of [a, b, a, b]) await look();
  t.same(
    a.types.all.map(({ name }) => name),
    ['mail', 'resize', 'archive', 'bill'],
  );
  t.same(
    b.types.all.map(({ name }) => name),
    ['mail', 'bill', 'archive', 'resize'],
  );
  t.match(a.types.elsewhere('bill'), { name: 'bill' });
  t.equal(a.types.elsewhere('mail'), undefined, 'it has a handler');
  t.equal(a.types.elsewhere('none'), undefined);
  t.same(a.shown, [['mail', 'resize', 'archive', 'bill']], 'told once');
  t.match(lines, [
    { added: ['archive', 'bill'], removed: [] },
    { added: ['resize'], removed: [] },
  ]);

  await a.look();
  await a.look();
  t.equal(a.shown.length, 1, 'nothing is new');
  fake.tables.declareDead('b', fake.tables.nodes().find(({ node }) => node === 'b')!.beat);
  await a.look();
  t.same(a.shown.at(-1), ['mail', 'resize'], 'what only a dead node has is gone');
});

t.test('handlers that were read anew are declared anew', async (t) => {
  const { make } = world();
  const [a, b] = [make('a', named('mail')), make('b', named('bill'))];
  for (const { look } of [a, b, a]) await look();
  b.types.replaceOwn(named('bill', 'archive'));
  t.same(
    b.shown.at(-1),
    ['bill', 'archive', 'mail'].filter((name) => name !== 'mail' || b.types.elsewhere('mail')),
  );
  for (const { look } of [b, a]) await look();
  t.same(a.shown.at(-1), ['mail', 'archive', 'bill']);
  a.types.replaceOwn(named('bill'));
  t.same(a.shown.at(-1), ['bill', 'archive']);
  a.types.replaceOwn([{ ...anyHandler('bill'), maxRetries: 9 }]);
  t.match(a.types.all, [{ name: 'bill', maxRetries: 9 }, { name: 'archive' }], 'it goes by its own');
});

t.test('a node that comes anew declares what the database has lost', async (t) => {
  const { fake, make } = world();
  const before = fake.tables.writes;
  const a = make('a', named('mail'));
  await a.look();
  fake.tables.forget(fake.tables.writes - before);
  const known = async (): Promise<number> => {
    const other = make('b', named('bill'));
    for (const { look } of [other, a, other]) await look();
    const { length } = other.types.all;
    fake.tables.leave('b');
    return length;
  };
  fake.tables.join({
    node: 'a',
    address: '',
    format: 1,
    leaving: false,
    facts: writeFacts({ ...about, types: a.types.digest }),
  });
  t.equal(await known(), 1, 'nobody knows what it has');
  a.types.begunAnew();
  t.equal(await known(), 2);
});

t.test('nodes with the same handlers declare the same', async (t) => {
  const { fake, make } = world();
  const nodes = [
    make('a', named('mail')),
    make('b', named('mail')),
    make('c', [{ ...anyHandler('mail'), maxRetries: 9 }]),
  ];
  for (const { look } of [...nodes, ...nodes]) await look();
  const [a, b, c] = nodes.map(({ types }) => types.digest as string);
  t.equal(a, b);
  t.not(a, c);
  t.equal(fake.tables.declaredTypes([a!, c!]).length, 2);
  t.same(nodes[0]!.shown, [], 'there is nothing that it has not');
});

t.test('what is not there yet, or cannot be read, is left out', async (t) => {
  const { fake, make, lines } = world();
  const a = make('a', named('mail'));
  const row = (types: string): string => writeFacts({ takes: true, ready: [], due: {}, types });
  fake.tables.join({ node: 'b', address: '', format: 1, leaving: false, facts: row('late') });
  await a.look();
  await a.look();
  t.same(a.shown, []);
  fake.tables.declareTypes({ digest: 'late', text: declare(named('bill')).text });
  await a.look();
  t.same(a.shown, [['mail', 'bill']]);
  for (const text of ['{"a":1}', '[{"name":"x"}]', '[{}]', 'no JSON']) {
    fake.tables.declareTypes({ digest: text, text });
    fake.tables.beat('b', 0, { facts: row(text) });
    await a.look();
    t.same(a.shown.at(-1), ['mail'], text);
  }
  t.match(lines.at(-1), { reason: /JSON/ });
});

t.test('what is declared is read as it was', async (t) => {
  const rate = { text: '5/1s', starts: 5, spanMs: 1000 };
  const payload = { file: '/srv/jobs/mail.mjs', schema: { type: 'object' } };
  const types: HandlerInfo[] = [
    { ...anyHandler('mail'), concurrency: Number.POSITIVE_INFINITY, payload },
    { ...anyHandler('bill'), concurrency: 3, groupConcurrency: 2, rate, priority: 4, retryJitter: 0.2 },
  ];
  const { text } = declare(types);
  t.notMatch(text, '/srv', 'where modules are is not told');
  const [mail, bill] = readDeclared(text) as [HandlerInfo, HandlerInfo];
  t.same(mail, { ...types[0], payload: { ...payload, file: 'the handler of mail on another node' } });
  t.same(bill, types[1]);
});

t.test('what there is at the start is known before any look', async (t) => {
  const { fake, make, work } = world();
  const b = make('b', named('bill'));
  await b.look();
  const a = make('a', named('mail'));
  const begun = a.types.begin(fake.tables.nodes());
  await work();
  await begun;
  t.same(a.shown, [['mail', 'bill']]);
  await a.look();
  t.equal(a.shown.length, 1, 'a look finds nothing new');
});
