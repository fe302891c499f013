/**
 * Ceiling of `fanout`: a bare uWebSockets.js server that publishes the same bytes to the same number of sockets, in a
 * loop. Subscribers ask for a filter as in the product; one topic stands for each. A process of its own: tells its port,
 * then publishes what it is sent and tells how many messages that were.
 */
import uWS from 'uWebSockets.js';

export interface Publication {
  /** Topic and text in turn. */
  readonly messages: readonly string[];
}

/** Messages per turn of the event loop: many, so that sockets are written to seldom. */
const perTurn = 256;

const app = uWS.App();

function topicOf({ job_types: types = [], job_ids: ids = [] }: { job_types?: string[]; job_ids?: string[] }): string {
  return ids[0] ?? types[0] ?? '*';
}

app.ws('/ws', {
  maxPayloadLength: 64 * 1024,
  maxBackpressure: 8 * 1024 * 1024,
  idleTimeout: 120,
  sendPingsAutomatically: true,
  message: (ws, message) => {
    const { filter } = JSON.parse(Buffer.from(message).toString()) as { filter: object };
    ws.subscribe(topicOf(filter));
    ws.send('{"type":"subscribed"}');
  },
});
app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('no port');
  process.send?.({ port: uWS.us_socket_local_port(socket) });
});

process.on('message', ({ messages }: Publication) => {
  let at = 0;
  const turn = (): void => {
    for (const end = Math.min(messages.length, at + 2 * perTurn); at < end; at += 2) {
      app.publish(messages[at] as string, messages[at + 1] as string);
    }
    if (at < messages.length) setImmediate(turn);
    else process.send?.({ port: 0 });
  };
  turn();
});
process.once('disconnect', () => process.exit());
