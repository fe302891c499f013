/** `GET /cron`: what an expression means, and when it fires next. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { problem } from './forms.js';

const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const ask = (query: string) => api.get(`/cron?${query}`);

t.test('words and times: instants in the zone of the server, local times in that of the expression', async (t) => {
  const { status, body } = await ask('expr=0+9+*+*+1-5&timezone=europe/berlin&count=2&after=2030-03-29T12:00:00Z');
  t.equal(status, 200);
  t.same(body, {
    cron_expr: '0 9 * * 1-5',
    timezone: 'Europe/Berlin',
    description: 'At 09:00, Monday through Friday',
    items: [
      { at: '2030-04-01T15:00:00+08:00', local: '2030-04-01T09:00:00' },
      { at: '2030-04-02T15:00:00+08:00', local: '2030-04-02T09:00:00' },
    ],
  });
});

t.test('defaults: five times from now on, in the zone of the server', async (t) => {
  const { body } = await ask('expr=@daily');
  t.match(body, { timezone: 'Asia/Shanghai', description: 'At 00:00' });
  const items = body.items as { at: string }[];
  t.equal(items.length, 5);
  t.ok(Date.parse(items[0]!.at) > Date.now());
});

t.test('an instant without offset is one of the zone of the expression', async (t) => {
  const { body } = await ask('expr=0+0+*+*+*&timezone=America/New_York&after=2030-01-01T00:00:00&count=1');
  t.match(body.items, [{ local: '2030-01-02T00:00:00' }]);
});

t.test('where the years end, so do the times', async (t) => {
  const { body } = await ask('expr=0+0+1+1+*&timezone=UTC&after=9998-06-01T00:00:00Z');
  t.equal((body.items as unknown[]).length, 1);
});

t.test('faults, each with its parameter', async (t) => {
  const cases: [query: string, path: string, message: RegExp][] = [
    ['', 'query.expr', /must be there/],
    ['expr=61+*+*+*+*', 'query.expr', /has 61 in the minute field/],
    ['expr=@daily&timezone=Mars/X', 'query.timezone', /IANA/],
    ['expr=@daily&count=0', 'query.count', /from 1 to 100/],
    ['expr=@daily&count=101', 'query.count', /from 1 to 100/],
    ['expr=@daily&after=soon', 'query.after', /./],
    ['expr=@daily&zone=UTC', 'query.zone', /is not a parameter.*timezone/],
  ];
  for (const [query, path, message] of cases) {
    const answer = await api.get<{ errors: { path: string; message: string }[] }>(`/cron?${query}`);
    problem(t, answer as never, 400, 'validation_failed');
    t.match(answer.body.errors, [{ path, message }], query);
  }
});
