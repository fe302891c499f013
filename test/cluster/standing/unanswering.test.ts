/** A node that beats and does not answer is told of once, when it cannot be one that has just died. */
import t from 'tap';
import { Unanswering } from '../../../src/cluster/unanswering.js';
import { keepLog } from '../../store/postgres/opening.js';

const node = 'a'.repeat(32);
const address = 'http://node-1:8080';

t.test('it is told once, after five seconds without an answer', async (t) => {
  const log = keepLog();
  let now = 0;
  const unanswering = new Unanswering({ log, now: () => now });
  unanswering.failed(node, address, 'ECONNREFUSED');
  now = 4_999;
  unanswering.failed(node, address, 'ECONNREFUSED');
  t.same(log.messages, [], 'it may have died');
  now = 5_000;
  unanswering.failed(node, address, 'ECONNREFUSED');
  unanswering.failed(node, address, 'ECONNREFUSED');
  t.same(log.messages, [
    'another node beats and does not answer this one at http://node-1:8080: its jobs cannot be reached from here. Set its --advertise to an address at which this node reaches it, and check the network between both',
  ]);
  unanswering.answered(node);
  t.equal(log.messages.at(-1), 'another node answers this one again');
  unanswering.answered(node);
  t.equal(log.messages.length, 2);
});

t.test('an answer between failures begins it anew', async (t) => {
  const log = keepLog();
  let now = 0;
  const unanswering = new Unanswering({ log, now: () => now });
  unanswering.failed(node, address, 'ECONNRESET');
  unanswering.answered(node);
  now = 5_000;
  unanswering.failed(node, address, 'ECONNRESET');
  t.same(log.messages, []);
});

t.test('nodes that have gone for good are forgotten', async (t) => {
  const log = keepLog();
  let now = 0;
  const unanswering = new Unanswering({ log, now: () => now });
  for (let gone = 0; gone < 250; gone++) unanswering.failed(String(gone), address, 'ECONNREFUSED');
  now = 5_000;
  for (let gone = 0; gone < 250; gone++) unanswering.failed(String(gone), address, 'ECONNREFUSED');
  t.ok(log.messages.length <= 100, 'not all of them are remembered');
});
