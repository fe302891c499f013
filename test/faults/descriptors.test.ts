/** F29: the server has no file descriptor left. It goes on scheduling, and accepts again when there are some. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { needs } from '../support/faults.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(90_000);

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

t.test('F29: file descriptors used up', needs('prlimit'), async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const feed = await Subscriber.to(server);
  const every = await api.create({ name: 'noop', delay: '100ms', is_repeat: true });
  await feed.event(every.id, 'job.completed', 2);
  const room = 40;
  const limit = descriptors(server.pid) + room;
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${limit}:${limit}`]);

  const sockets: Socket[] = [];
  t.teardown(() => sockets.map((socket) => socket.destroy()));
  for (let i = 0; i < room + 20; i++) sockets.push(connect(server.port, '127.0.0.1').on('error', () => undefined));
  await eventually(() => descriptors(server.pid) >= limit, 'there are descriptors left');
  const done = feed.types(every.id).filter((type) => type === 'job.completed').length;
  await feed.event(every.id, 'job.completed', done + 20);
  t.ok(descriptors(server.pid) >= limit - 2, 'there are none left all the while, and jobs run');
  await feed.settle();
  t.pass('a connection that was there is served');

  for (const socket of sockets) socket.destroy();
  await eventually(async () => (await api.get('/health')).status === 200, 'it does not accept again', 30_000);
  const { id } = await api.create({ name: 'echo', delay: '0s', payload: { after: true } });
  t.match(await api.until(id, 'success'), { result: { after: true } });
  t.match(await api.job(every.id), { missed_count: 0 }, 'nothing was missed');
  await feed.close();
  t.equal(await server.stop(), 0);
});
