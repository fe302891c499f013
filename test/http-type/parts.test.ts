/** Signatures, `Retry-After` and masking. */

import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { Masking } from '../../src/http-type/masking.js';
import { retryAfterMs } from '../../src/http-type/retry-after.js';
import { webhookHeaders } from '../../src/http-type/signature.js';

const secrets = ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr', Buffer.alloc(64, 7).toString('base64')];
const keys = secrets.map((secret) => Buffer.from(secret, 'base64'));
const timestamp = Math.floor(Date.now() / 1000);

t.test('the public library verifies what was signed, by each of two secrets', async (t) => {
  for (const body of ['{"a":1}', '', 'grüße\n']) {
    const headers = webhookHeaders(keys, { id: 'job_1_a_2', timestamp, body: Buffer.from(body) });
    for (const secret of secrets) {
      const webhook = new Webhook(`whsec_${secret}`);
      t.doesNotThrow(() => webhook.verify(body, headers, { jsonParse: false }));
      t.throws(() => webhook.verify(`${body} `, headers, { jsonParse: false }));
      t.throws(() => webhook.verify(body, { ...headers, 'webhook-id': 'job_1_a_3' }, { jsonParse: false }));
    }
    t.throws(() => new Webhook(Buffer.alloc(32).toString('base64')).verify(body, headers));
  }
});

t.test('without a secret there is no signature', async (t) => {
  t.same(webhookHeaders([], { id: 'x', timestamp: 5, body: Buffer.from('') }), {
    'webhook-id': 'x',
    'webhook-timestamp': '5',
  });
});

t.test('Retry-After is seconds or a date', async (t) => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  const year = 365 * 86_400_000;
  const cases: [header: string | undefined, ms: number | undefined][] = [
    [undefined, undefined],
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['99999999999999999999999999', year],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60_000],
    ['Friday, 02-Jan-26 03:05:05 GMT', 60_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['Fri, 02 Jan 9999 03:00:00 GMT', year],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['2026-01-02', undefined],
    ['Fri, 99 Jan 2026', undefined],
  ];
  for (const [header, ms] of cases) t.equal(retryAfterMs(header, now), ms, String(header));
});

t.test('what went out in a header is masked wherever it comes back', async (t) => {
  const masking = new Masking(['Bearer abcdefgh1234', 'short', '123456']);
  t.equal(masking.text('you sent Bearer abcdefgh1234, and short'), 'you sent ***, and ***');
  t.equal(masking.text('the token abcdefgh1234 is wrong'), 'the token *** is wrong', 'a part of it counts, too');
  t.equal(masking.text('Bearer of news'), 'Bearer of news', 'a short part does not');
  t.same(masking.json({ 'key short': ['Bearer abcdefgh1234', 123456, 7, true, null, { a: '123456' }] }), {
    'key ***': ['***', '***', 7, true, null, { a: '***' }],
  });
  const value = { a: 1 };
  t.equal(new Masking([]).json(value), value, 'without variables nothing is looked at');
});
