/** A few seconds of the fuzzer, and whether it would notice anything. For longer runs: `npm run fuzz`. */
import t from 'tap';
import { Random } from '../simulation/random.js';
import { fuzz, wrongAnswer } from './fuzzer.js';
import { httpInput } from './http-input.js';
import { frame, wsInput } from './ws-input.js';

t.setTimeout(90_000);

t.test('some seconds of it find nothing', async (t) => {
  const { batches, statuses, finding } = await fuzz({ seed: 42, seconds: 5 });
  t.equal(finding, undefined);
  t.ok(batches >= 1);
  for (const status of ['101', '200', '400']) t.ok(statuses[status]! > 0, `${status} was answered: it gets through`);
});

t.test('the same seed makes the same bytes, another one others', (t) => {
  for (const make of [(random: Random) => httpInput(random, ['job_1_00000000']), wsInput]) {
    const some = (seed: number) => {
      const random = new Random(seed);
      return Buffer.concat(Array.from({ length: 100 }, () => make(random))).toString('base64');
    };
    t.equal(some(1), some(1));
    t.not(some(1), some(2));
  }
  t.end();
});

t.test('what no client may be answered is seen', (t) => {
  const bad = [
    'HTTP/1.1 500 Internal Server Error\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n{}HTTP/1.1 504 Gateway Timeout\r\n\r\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n{"code":"internal_error"}',
    '\x81\x20{"type":"error","code":"internal_error"}',
    'HTTP/1.1 400 Bad Request\r\n\r\nError: no\n    at run (/srv/app.js:1:2)',
  ];
  for (const text of bad) t.ok(wrongAnswer(text), text);
  const fine = ['', 'HTTP/1.1 503 Service Unavailable\r\n\r\n', 'HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n'];
  for (const text of fine) t.equal(wrongAnswer(text), undefined, text);
  t.end();
});

t.test('a frame is as RFC 6455 shows it', (t) => {
  // Section 5.7: "Hello" in an unmasked text message, and one of 256 bytes in a binary one.
  t.same(frame(Buffer.from('Hello'), { masked: false }), Buffer.from('810548656c6c6f', 'hex'));
  const long = frame(Buffer.alloc(256), { opcode: 2, masked: false });
  t.same(long.subarray(0, 4), Buffer.from('827e0100', 'hex'));
  t.end();
});
