/** What each kind of token allows: of several, each is one; a read token changes nothing. */
import t from 'tap';
import { Tokens } from '../../src/server/http/tokens.js';
import type { Problem } from '../support/client.js';
import { Subscriber } from '../support/ws.js';
import { serve } from './fixture.js';

const { api, port, scheduler } = await serve({ tokens: { full: ['one', 'two'], read: ['reader', 'other'] } });
const by = (token: string) => ({ authorization: `Bearer ${token}` });
const id = 'job_1704180000_00000000';

t.test('a text is the token it equals, and no other', async (t) => {
  const tokens = new Tokens({ full: ['alpha', 'alphabet'], read: ['beta', 'alp'] });
  t.equal(tokens.isEmpty, false);
  for (const [text, access] of [
    ['alpha', 'full'],
    ['alphabet', 'full'],
    ['beta', 'read'],
    ['alp', 'read'],
  ] as const)
    t.equal(tokens.accessOf(text), access, text);
  for (const text of [
    '',
    'a',
    'alphab',
    'alphabets',
    'ALPHA',
    'beta\0',
    'alpha\0\0\0',
    'bet\u00e9',
    'x'.repeat(10_000),
  ])
    t.equal(tokens.accessOf(text), 'none', JSON.stringify(text.slice(0, 20)));
});

t.test('they can be replaced', async (t) => {
  const tokens = new Tokens({ full: ['old', 'stays'], read: [] });
  tokens.replace({ full: ['new'], read: ['stays'] });
  t.same(
    ['old', 'new', 'stays'].map((text) => tokens.accessOf(text)),
    ['none', 'full', 'read'],
  );
  tokens.replace({ full: [], read: [] });
  t.equal(tokens.isEmpty, true);
  t.equal(tokens.accessOf(''), 'none');
});

t.test('each token of several may do all', async (t) => {
  for (const token of ['one', 'two']) {
    t.equal((await api.post('/jobs', { name: 'payment_check', delay: '1h' }, by(token))).status, 201, token);
    t.match(await api.get('', by(token)), { status: 200, body: { access: 'full' } });
  }
});

t.test('a read token reads, and changes nothing', async (t) => {
  const asked = scheduler.asked.length;
  for (const token of ['reader', 'other']) {
    t.match(await api.get('', by(token)), { status: 200, body: { access: 'read' } });
    for (const path of ['/jobs', '/stats', '/job-types', '/health']) {
      t.equal((await api.get(path, by(token))).status, 200, path);
      t.equal((await api.request('HEAD', path, { headers: by(token) })).status, 200, path);
    }
    t.equal((await api.get(`/jobs/${id}`, by(token))).status, 404, 'not refused, but not there');
    for (const [method, path] of [
      ['POST', '/jobs'],
      ['POST', '/jobs/batch'],
      ['PUT', `/jobs/${id}`],
      ['DELETE', `/jobs/${id}`],
      ['POST', `/jobs/${id}/cancel`],
      ['POST', `/jobs/${id}/retry`],
      ['POST', '/health'],
      ['POST', '/nowhere'],
    ] as const) {
      const answer = await api.request<Problem>(method, path, { headers: by(token), body: {} });
      t.match(answer, { status: 403, body: { code: 'forbidden', detail: /only read.*--token/ } }, `${method} ${path}`);
      t.notMatch(answer.text, token, 'the token is not repeated');
    }
  }
  t.equal(scheduler.asked.length, asked);
});

t.test('with a read token any host and origin will do', async (t) => {
  t.equal((await api.get('/jobs', { ...by('reader'), host: 'jobs.example' })).status, 200);
  t.equal((await api.get('/jobs', { ...by('reader'), origin: 'https://elsewhere.example' })).status, 200);
});

t.test('a read token opens a WebSocket, in a header or as a subprotocol', async (t) => {
  t.equal(await Subscriber.attempt({ port }, { headers: by('reader') }), 101);
  const offer = (token: string) => ['escapement.v1', `bearer.${Buffer.from(token).toString('base64url')}`];
  t.equal(
    await Subscriber.attempt({ port }, { headers: { origin: 'https://elsewhere.example' } }, offer('other')),
    101,
  );
  t.equal(await Subscriber.attempt({ port }, {}, offer('one')), 101);
  t.equal(await Subscriber.attempt({ port }, {}, offer('read')), 401);
});

t.test('the description shows job types to readers', async (t) => {
  const read = async (headers: Record<string, string>) =>
    (await api.absolute('GET', '/openapi.json', { headers })).text;
  t.match(await read(by('reader')), 'email_send');
  t.notMatch(await read(by('reade')), 'email_send');
});
