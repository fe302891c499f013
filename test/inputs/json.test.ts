/**
 * Bodies that are no JSON, or JSON of the wrong kind, at every route that takes one. What single jobs are answered in
 * full, with snapshots, is in test/conformance/errors.test.ts.
 */
import t from 'tap';
import { problem } from '../conformance/forms.js';
import { type BodyRoute, bodyRoutes, Ground, good } from './ground.js';

t.setTimeout(60_000);
const ground = await Ground.open();

const around = (bytes: number[]) =>
  Buffer.concat([Buffer.from('{"payload":{"a":"'), Buffer.from(bytes), Buffer.from('"}}')]);

t.test('what is not JSON → 400 malformed_json', async (t) => {
  const inputs: [what: string, body: string | Buffer][] = [
    ['empty', ''],
    ['blank', ' \n\t '],
    ['an open brace', '{'],
    ['a brace and more', '{}x'],
    ['two values', '{}{}'],
    ['a byte order mark', `\ufeff${JSON.stringify(good)}`],
    ['only a byte order mark', '\ufeff'],
    ['NaN', '{"payload":{"a":NaN}}'],
    ['Infinity', '{"payload":{"a":Infinity}}'],
    ['single quotes', "{'payload':{}}"],
    ['a comma behind the last field', '{"max_retries":1,}'],
    ['a comma behind the last item', '[{},]'],
    ['a comment', '{"max_retries":1} // one'],
    ['a name without quotes', '{max_retries:1}'],
    ['a leading zero', '{"max_retries":01}'],
    ['a plus', '{"max_retries":+1}'],
    ['a hexadecimal number', '{"max_retries":0x1}'],
    ['a line break in a string', '{"name":"no\nop"}'],
    ['NUL', '\0'],
    ['NUL behind', '{}\0'],
    ['an unfinished escape', '{"name":"\\u00"}'],
    ['a million opening brackets', '['.repeat(1_000_000)],
    ['UTF-16', Buffer.from(JSON.stringify(good), 'utf16le')],
    ['UTF-8: a byte that never occurs', around([0xff])],
    ['UTF-8: an unfinished character', around([0xe2, 0x82])],
    ['UTF-8: an overlong NUL', around([0xc0, 0x80])],
    ['UTF-8: half a surrogate pair', around([0xed, 0xa0, 0x80])],
    ['UTF-8: beyond the last character', around([0xf4, 0x90, 0x80, 0x80])],
    ['UTF-8: a continuation alone', around([0x80])],
  ];
  for (const route of bodyRoutes) {
    for (const [what, body] of inputs)
      problem(t, await ground.send(route, body), 400, 'malformed_json', `${route}: ${what}`);
  }
});

t.test('JSON of the wrong kind → 400 validation_failed', async (t) => {
  const single = ['[]', 'null', '"text"', '5', 'true', `[${JSON.stringify(good)}]`, '-0', '1e400'];
  const inputs: Record<BodyRoute, string[]> = {
    'POST /jobs': ['{}', ...single],
    'PUT /jobs/:id': ['{}', ...single],
    'POST /jobs/batch': [
      '[]',
      'null',
      '"text"',
      '5',
      JSON.stringify(good),
      '{"0":{}}',
      '[null]',
      '[[]]',
      '[5]',
      '[{}]',
    ],
  };
  for (const route of bodyRoutes) {
    for (const body of inputs[route])
      problem(t, await ground.send(route, body), 400, 'validation_failed', `${route}: ${body}`);
  }
});

t.test('JSON that only looks harmless → 400 validation_failed', async (t) => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const payloads: [what: string, payload: string][] = [
    ['65 objects deep', nested(65)],
    ['65 levels deep in arrays', `{"a":${'['.repeat(65)}${']'.repeat(65)}}`],
    ['100,000 levels deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__ in a list', '{"a":[1,{"b":{"__proto__":1}}]}'],
    ['__proto__ in escapes', '{"\\u005f\\u005fproto__":1}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a number beyond all', '{"a":1e400}'],
    ['one below all', '{"a":[-1e400]}'],
    ['one written out', `{"a":1${'0'.repeat(400)}}`],
    ['one of many digits and an exponent', `{"a":${'9'.repeat(200)}e200}`],
  ];
  for (const [what, payload] of payloads) {
    const change = `{"payload":${payload}}`;
    const job = `{"name":"noop","delay":"1h","payload":${payload}}`;
    const bodies: Record<BodyRoute, string> = {
      'POST /jobs': job,
      'PUT /jobs/:id': change,
      'POST /jobs/batch': `[${JSON.stringify(good)},${job}]`,
    };
    for (const route of bodyRoutes)
      problem(t, await ground.send(route, bodies[route]), 400, 'validation_failed', `${route}: ${what}`);
  }
  t.equal((await ground.send('POST /jobs', `{"name":"noop","delay":"1h","payload":${nested(64)}}`)).status, 201);
  ground.made += 1;
});

t.test('lines of JSON are as strict', async (t) => {
  const line = JSON.stringify(good);
  const inputs: [body: string | Buffer, code: string][] = [
    ['', 'validation_failed'],
    ['\n\n', 'validation_failed'],
    [`${line}\n{`, 'malformed_json'],
    [`${line}${line}`, 'malformed_json'],
    [`[${line}]`, 'validation_failed'],
    [`${line}\nnull`, 'validation_failed'],
    [Buffer.concat([Buffer.from(`${line}\n`), Buffer.from([0xff])]), 'malformed_json'],
    [`${line}\n\ufeff${line}`, 'malformed_json'],
    [`${line}\n{"name":"noop","delay":"1h","payload":{"__proto__":1}}`, 'validation_failed'],
  ];
  for (const [body, code] of inputs) {
    const answer = await ground.send('POST /jobs/batch', body, { 'content-type': 'application/x-ndjson' });
    problem(t, answer, 400, code, JSON.stringify(String(body)).slice(0, 60));
  }
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
