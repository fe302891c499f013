import t from 'tap';
import { shareOfLog } from '../../../src/pool/shared/log-lines.js';
import type { FromThread } from '../../../src/pool/shared/messages.js';
import { Slots } from '../../../src/pool/shared/slots.js';
import { LineBudget } from '../../../src/pool/worker/line-budget.js';
import { Outbox } from '../../../src/pool/worker/outbox.js';

/** An outbox whose clock and turns are the test's. */
function setUp(level = 'debug') {
  const messages: FromThread[] = [];
  const clock = { ms: 1000 };
  const port = { postMessage: (message: FromThread) => void messages.push(message) };
  const outbox: Outbox = new Outbox(
    port,
    new Slots(),
    new LineBudget(shareOfLog(level, 1), clock.ms),
    () => outbox.post(),
    () => clock.ms,
  );
  const lines = () => messages.map((message) => (message.kind === 'report' ? message.lines : []));
  return { outbox, clock, lines };
}

t.test('of a flood of log lines as many as the rate allows are posted, and the rest is counted', (t) => {
  const { outbox, clock, lines } = setUp();
  for (let line = 0; line < 20_000; line++) outbox.line({ level: 'info', message: `line ${line}` });
  outbox.post();
  const flood = lines().flat();
  t.equal(flood.length, 2001, 'a burst, and the line about the others');
  t.match(flood[1999], { message: 'line 1999' });
  t.match(flood[2000], { level: 'warn', message: '18000 log lines were dropped: handlers log too much at once' });
  outbox.post();
  t.equal(lines().flat().length, 2001, 'which is told once');
  clock.ms += 100;
  for (let line = 0; line < 20_000; line++) outbox.line({ level: 'info', message: 'more' });
  outbox.post();
  t.equal(lines().flat().length, 3001, 'a tenth of the lines of a second');
  clock.ms += 1000;
  outbox.post();
  t.match(lines().flat()[3001], { message: /^19000 log lines were dropped/ });
  t.end();
});

t.test('long lines are bounded by their length', (t) => {
  const { outbox, lines } = setUp();
  for (let line = 0; line < 1000; line++) outbox.line({ level: 'info', message: 'x'.repeat(8192) });
  outbox.post();
  const chars = lines()
    .flat()
    .reduce((sum, { message }) => sum + message.length, 0);
  t.ok(chars > 500_000 && chars < 1_000_000, `${chars} characters`);
  t.end();
});

t.test('what the server does not log is neither posted nor called lost', (t) => {
  const { outbox, lines } = setUp('warn');
  for (const level of ['debug', 'info', 'warn', 'error'] as const) outbox.line({ level, message: level });
  outbox.post();
  t.match(lines().flat(), [{ message: 'warn' }, { message: 'error' }]);
  const silent = setUp('silent');
  silent.outbox.line({ level: 'error', message: 'dropped' });
  silent.outbox.post();
  t.same(silent.lines().flat(), []);
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
