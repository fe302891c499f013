/** Connections on which nothing happens, and for how long they are kept. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { rawRequest } from '../support/client.js';
import { job, serve } from './fixture.js';

t.setTimeout(120_000);
t.jobs = 2;
const { port, queries } = await serve();

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Seconds from a request to the end of its connection. */
async function lives(request: string): Promise<number> {
  const socket = await open();
  const begun = performance.now();
  socket.write(request);
  socket.resume();
  await once(socket, 'close');
  return (performance.now() - begun) / 1000;
}

t.test('one that never asks is closed after 10 s, one that had its answer after 30', async (t) => {
  const asks = rawRequest('GET', '/api/v1/health');
  const [never, once_, twice] = await Promise.all([lives(''), lives(asks), lives(asks + asks)]);
  t.ok(never > 5 && never < 25, `it never asked: ${never.toFixed(1)} s`);
  t.ok(once_ > 25 && once_ < 60, `it had its answer: ${once_.toFixed(1)} s`);
  t.ok(twice > 25 && twice < 60, `it had two: ${twice.toFixed(1)} s`);
});

t.test('one that does not read its answer is closed within a minute, and what waited for it is let go', async (t) => {
  const jobs = Array.from({ length: 50_000 }, () => job());
  queries.list = () => ({ total: jobs.length, jobs });
  const socket = await open();
  socket.pause();
  socket.write(rawRequest('GET', '/api/v1/jobs'));
  await sleep(45_000);
  let bytes = 0;
  socket.on('data', (piece) => {
    bytes += piece.length;
  });
  socket.resume();
  await once(socket, 'close');
  t.ok(bytes > 0 && bytes < jobs.length * 300, `${bytes} bytes were there to be read`);
});
