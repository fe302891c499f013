/**
 * A gap that the server tells of, where events of several shards were lost: the client goes on from the place that it names, which is of
 * another timeline than what the client had heard.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { type WebSocket as Socket, WebSocketServer, WebSocket as WsWebSocket } from 'ws';
import { Escapement, type Gap, type JobEvent } from '../../src/client/client.js';
import { eventually } from '../support/client.js';

t.setTimeout(60_000);
const scope = globalThis as { WebSocket?: unknown };

const event = (shard: number, seq: number) => ({ type: 'job.started', job_id: 'job_1', shard, seq });
/** What is said to each who comes; then the connection ends. */
const said: readonly (readonly object[])[] = [
  [
    { type: 'subscribed', cursor: '7-5.0-3' },
    event(1, 4),
    // Of shard 0 there was more than is left, and other places have changed meanwhile.
    { type: 'gap', from: 4, to: 5, shard: 0, cursor: '9-3.0-6' },
    event(0, 4),
  ],
  [{ type: 'subscribed', cursor: '9-8.0-6' }, event(0, 5), { type: 'gap', from: 7, to: 9, shard: 1 }],
  [{ type: 'subscribed', cursor: '9-8.0-9' }],
];
const asksFor = [undefined, '9-4.0-6', '9-5.0-9'];

/** A server that says this, and keeps what it was asked for. */
async function serve(t: Test): Promise<{ readonly url: string; readonly asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const messages = (since: string | undefined): readonly object[] | undefined => {
    asked.push(since);
    return said[asked.length - 1];
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const since = new URL(request.url as string, 'http://server').searchParams.get('since') ?? undefined;
    const mine = messages(since);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const message of mine ?? []) response.write(`data: ${JSON.stringify(message)}\n\n`);
    if (mine !== said.at(-1)) response.end();
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: Socket) => {
    socket.once('message', (data) => {
      const { since } = JSON.parse(String(data)) as { since?: string };
      const mine = messages(since);
      for (const message of mine ?? []) socket.send(JSON.stringify(message));
      if (mine !== said.at(-1)) socket.close();
    });
  });
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  await new Promise((listens) => server.once('listening', listens));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const textOf = (message: JobEvent | Gap): string =>
  message.type === 'gap' ? `gap to ${message.to} in ${message.shard}` : `${message.shard}:${message.seq}`;
const all = ['1:4', 'gap to 5 in 0', '0:4', '0:5', 'gap to 9 in 1'];

for (const way of ['fetch', 'WebSocket'] as const) {
  t.test(`by ${way} it goes on from the place that a gap names`, async (t) => {
    scope.WebSocket = way === 'WebSocket' ? WsWebSocket : undefined;
    const { url, asked } = await serve(t);
    const stop = new AbortController();
    const heard: string[] = [];
    const listen = async (): Promise<void> => {
      const client = new Escapement({ url });
      for await (const message of client.events({}, { signal: stop.signal })) heard.push(textOf(message));
    };
    const over = listen();
    await eventually(() => asked.length === asksFor.length, 'it has come three times', 30_000);
    stop.abort();
    await over;
    t.same(heard, all);
    t.same(asked, asksFor);
  });
}

t.test('a connection for a program that shows events does the same', async (t) => {
  scope.WebSocket = WsWebSocket;
  const { url, asked } = await serve(t);
  const heard: string[] = [];
  const live = new Escapement({ url }).live({ onEvent: (message: JobEvent | Gap) => heard.push(textOf(message)) });
  t.teardown(() => live.close());
  live.subscribe({ filter: {}, resume: true });
  await eventually(() => asked.length === asksFor.length, 'it has come three times', 30_000);
  t.same(heard, all);
  t.same(asked, asksFor);
});
