/**
 * Queries of `GET /jobs`. What is refused there is in test/conformance/list.test.ts, with the paging that works; here are
 * the texts that are hardly a query any more, HEAD, and every way of forging a cursor that changes one character.
 */
import t from 'tap';
import { problem } from '../conformance/forms.js';
import { Ground, good } from './ground.js';

t.setTimeout(60_000);
const ground = await Ground.open();
const { api } = ground;
for (let i = 0; i < 110; i++) await api.create(good);
ground.made += 110;

const refused = [
  ...[
    'limit=0',
    'limit=-1',
    'limit=1.5',
    'limit=abc',
    'limit=%00',
    'limit=1%000',
    'limit=9007199254740992',
    'limit=1e99',
  ],
  ...[
    'limit=1e-1',
    'limit=\u0661',
    'limit=%D9%A1',
    'limit=1;offset=1',
    'limit[]=1',
    'limit=1,2',
    'limit=%zz',
    'limit=%',
  ],
  ...['offset=-1', 'offset=abc', 'offset=9007199254740992', 'offset=1e16', 'offset=Infinity', 'offset=%ff'],
  ...['status=foo', 'status=%00', 'status=Pending', 'status=pending%20', 'status=0', 'status=__proto__'],
  ...['limit=1&limit=1', 'status=failed&status=failed', 'limit=1&l%69mit=2', 'name=&name='],
  ...['cursor=1', 'cursor=%00', 'cursor=..%2F..%2F', 'cursor=%F0%9F%95%B0', 'offset=1&cursor=AAAA'],
  ...['bogus=1', 'bogus', '=1', '%00=1', '__proto__[limit]=1', 'constructor=1', 'token=x', '%zz=1'],
  `bogus=${'x'.repeat(10_000)}`,
  Array.from({ length: 500 }, (_, i) => `p${i}=${i}`).join('&'),
];

t.test('what is refused → 400 validation_failed, naming the parameter; HEAD says so too', async (t) => {
  for (const query of refused) {
    const what = query.slice(0, 50);
    const path = `/jobs?${encodeURI(query).replaceAll('%25', '%')}`;
    const answer = await api.get(path);
    const found = problem(t, answer, 400, 'validation_failed', what);
    t.match(found.errors?.[0]?.path, /^query\./, `${what} names a parameter`);
    t.ok(answer.text.length < 20_000, `${what}: the answer is no echo`);
    const head = await api.request('HEAD', path);
    t.same([head.status, head.text], [400, ''], `HEAD ${what}`);
  }
});

t.test('what is accepted', async (t) => {
  const all = ground.made;
  const inputs: [query: string, items: number, total: number][] = [
    ['', 50, all],
    ['?', 50, all],
    ['?&&', 50, all],
    ['?limit=1e9', 100, all],
    ['?limit=9007199254740991', 100, all],
    ['?limit=100', 100, all],
    ['?limit=007', 7, all],
    ['?limit=&offset=&status=&name=&cursor=', 50, all],
    ['?offset=9007199254740991', 0, all],
    ['?offset=100', 11, all],
    ['?name=nobody', 0, 0],
    ['?name=%00', 0, 0],
    ['?name=../x', 0, 0],
    [`?name=${'n'.repeat(10_000)}`, 0, 0],
    ['?st%61tus=pend%69ng', 50, all],
  ];
  for (const [query, items, total] of inputs) {
    const list = await api.list(query);
    t.same([list.items.length, list.total], [items, total], query.slice(0, 50));
  }
});

t.test('a forged cursor → 400', async (t) => {
  const cursor = (await api.list('?limit=1&status=pending')).next_cursor as string;
  const ask = (text: string, filter = '&status=pending') =>
    api.get(`/jobs?limit=1${filter}&cursor=${encodeURIComponent(text)}`);
  t.equal((await ask(cursor)).status, 200, 'the true one');
  for (let at = 0; at < cursor.length; at++) {
    for (const by of ['A', 'z', '_']) {
      if (cursor[at] === by) continue;
      const forged = cursor.slice(0, at) + by + cursor.slice(at + 1);
      problem(t, await ask(forged), 400, 'validation_failed', `character ${at} is ${by}`);
    }
    problem(t, await ask(cursor.slice(0, at) || 'x'), 400, 'validation_failed', `cut at ${at}`);
  }
  for (const more of ['=', '==', 'A', ' ', '\n', cursor])
    problem(t, await ask(cursor + more), 400, 'validation_failed', `and ${JSON.stringify(more)}`);
  for (const filter of ['', '&status=failed', '&status=pending&name=noop'])
    problem(t, await ask(cursor, filter), 400, 'validation_failed', `with the filter ${filter}`);
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
