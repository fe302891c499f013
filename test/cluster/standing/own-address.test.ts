/** A node calls itself at the address that it gives the others. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { peerHeaders } from '../../../src/cluster/peers.js';
import { OwnAddress } from '../../../src/cluster/standing/own-address.js';
import { standing } from '../../../src/cluster/standing/standing.js';
import { keepLog } from '../../store/postgres/opening.js';
import { programs } from '../../support/documents.js';
import { makeCertificate } from '../../support/network.js';

async function serve(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('it hears itself', async (t) => {
  const log = keepLog();
  const address = await serve(t, (request, response) => {
    const word = request.headers[peerHeaders.secret] as string;
    t.equal(request.headers[peerHeaders.node], word);
    t.notOk(own.hear(`${word}0`), 'another word says nothing');
    t.ok(own.hear(word));
    response.writeHead(401).end();
  });
  const own = new OwnAddress({ address, log, isShared: () => false });
  t.notOk(own.isHeard);
  await own.start();
  t.ok(own.isHeard, 'whatever the answer is');
  t.equal(own.problem, undefined);
  t.same(log.messages, []);
});

t.test('it goes on calling, and says once why it does not hear itself', async (t) => {
  const log = keepLog();
  let calls = 0;
  let isShared = false;
  const address = await serve(t, (request, response) => {
    calls++;
    if (calls === 3) isShared = true;
    if (calls === 5) own.hear(request.headers[peerHeaders.secret] as string);
    response.end('{}');
  });
  const own = new OwnAddress({ address, log, retryMs: 1, isShared: () => isShared });
  await own.start();
  t.same(log.messages, [
    `another server answers at ${address}: set --advertise to where the other nodes reach this one. Until then it takes no shards`,
    `another node has the same --advertise, ${address}: give each its own. Until then it takes no shards`,
    `the other nodes reach this one at ${address}`,
  ]);
  t.equal(calls, 5);
  t.equal(own.problem, undefined);
});

t.test('a certificate that nobody vouches for', programs({ openssl: 'openssl' }), async (t) => {
  const { cert, key } = makeCertificate();
  const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => response.end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const log = keepLog();
  const own = new OwnAddress({ address, log, retryMs: 1, isShared: () => false });
  const calling = own.start();
  await log.said(/does not reach itself/);
  t.match(own.problem, /\(self-signed certificate\): name the file of the authority in NODE_EXTRA_CA_CERTS/);
  own.stop();
  await calling;
});

t.test('an address that leads nowhere, or never answers', async (t) => {
  const silent = await serve(t, () => {});
  for (const [address, why] of [
    ['http://127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
    [silent, 'no answer in 0.02 s'],
  ] as const) {
    const log = keepLog();
    const own = new OwnAddress({ address, log, retryMs: 1, answerMs: 20, isShared: () => false });
    const calling = own.start();
    await log.said(/does not reach itself/);
    t.equal(
      own.problem,
      `this node does not reach itself at ${address} (${why}): set --advertise to where the other nodes reach it`,
    );
    own.stop();
    await calling;
    t.notOk(own.isHeard);
  }
});

t.test('what keeps a node from its part', async (t) => {
  const well = { hasLease: true, addressProblem: undefined, clockOffset: 250, idleShards: 0 };
  t.equal(standing(well), undefined);
  t.match(standing({ ...well, hasLease: false }), /has no lease/);
  t.equal(
    standing({ ...well, clockOffset: 251 }),
    'the clock of this node is 251 ms behind that of PostgreSQL: keep both in order (NTP)',
  );
  t.equal(
    standing({ ...well, clockOffset: -2001 }),
    'the clock of this node is 2001 ms ahead of that of PostgreSQL, so it takes no shards: keep both in order (NTP)',
  );
  t.equal(standing({ ...well, addressProblem: 'it is not reached' }), 'it is not reached');
  t.match(standing({ ...well, idleShards: 1 }), /^one shard has no owner/);
  t.match(standing({ ...well, idleShards: 3 }), /^3 shards have no owner/);
});
