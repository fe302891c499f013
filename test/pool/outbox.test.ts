import t from 'tap';
import { Outbox } from '../../src/pool/outbox.js';
import { Slots } from '../../src/pool/slots.js';
import type { FromThread } from '../../src/pool/thread-messages.js';

/** An outbox whose clock and turns are the test's. */
function setUp() {
  const messages: FromThread[] = [];
  const clock = { ms: 1000 };
  const port = { postMessage: (message: FromThread) => void messages.push(message) };
  const outbox: Outbox = new Outbox(
    port,
    new Slots(),
    () => outbox.post(),
    () => clock.ms,
  );
  const lines = () => messages.map((message) => (message.kind === 'report' ? message.lines : []));
  return { outbox, clock, lines };
}

t.test('of a flood of log lines a message takes a thousand, and counts the rest', (t) => {
  const { outbox, lines } = setUp();
  outbox.post();
  for (let line = 0; line < 20_000; line++) outbox.line({ level: 'info', message: `line ${line}` });
  outbox.post();
  const [, flood = []] = lines();
  t.equal(flood.length, 1001);
  t.match(flood[999], { message: 'line 999' });
  t.match(flood[1000], { level: 'warn', message: '19000 log lines were dropped: too many at once' });
  outbox.post();
  t.same(lines()[2], [], 'which is told once');
  t.end();
});

t.test('a line after a while does not wait for the end of the turn', (t) => {
  const { outbox, clock, lines } = setUp();
  outbox.line({ level: 'info', message: 'first' });
  outbox.line({ level: 'info', message: 'at once after' });
  clock.ms += 11;
  outbox.line({ level: 'info', message: 'last words' });
  t.match(lines(), [[{ message: 'first' }], [{ message: 'at once after' }, { message: 'last words' }]]);
  t.end();
});

t.test('lines of one turn go together', async (t) => {
  const { outbox, lines } = setUp();
  outbox.post();
  outbox.line({ level: 'info', message: 'a' });
  outbox.line({ level: 'info', message: 'b' });
  t.equal(lines().length, 1);
  await new Promise((resolve) => setImmediate(resolve));
  t.match(lines()[1], [{ message: 'a' }, { message: 'b' }]);
});
