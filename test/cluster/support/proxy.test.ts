/** The network that fails, between a client and a server that answers each line with the same in capitals. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { TcpProxy } from './proxy.js';

t.setTimeout(60_000);

const target = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    heard += bytes;
    socket.write(String(bytes).toUpperCase());
  });
});
let heard = '';
target.listen(0, '127.0.0.1');
await once(target, 'listening');
const { port } = target.address() as { port: number };
t.teardown(() => target.close());

interface Client {
  readonly socket: Socket;
  text: string;
  /** `ECONNRESET`, or that it has ended in order. */
  readonly end: Promise<string>;
}

async function open(proxy: TcpProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  const end = new Promise<string>((done) => {
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on('close', () => done('closed'));
  });
  const client = { socket, text: '', end };
  socket.on('data', (bytes) => (client.text += bytes));
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return client;
}

const says = (client: Client, text: string) =>
  eventually(
    () => client.text === text,
    () => `it said ${client.text}`,
  );

t.beforeEach(() => {
  heard = '';
});

t.test('what is whole passes everything on, and the ends of both sides', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  client.socket.write('one');
  await says(client, 'ONE');
  t.equal(proxy.connections, 1);
  client.socket.end();
  t.equal(await client.end, 'closed');
  await eventually(() => proxy.connections === 0, 'the connection is gone');
  const large = await open(proxy);
  large.socket.write('x'.repeat(5_000_000));
  await says(large, 'X'.repeat(5_000_000));
  t.equal(proxy.accepted, 2);
});

t.test('what is held goes on when it is mended, new connections too', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  client.socket.write('one');
  await says(client, 'ONE');
  proxy.cut('hold');
  client.socket.write(' two');
  const late = await open(proxy);
  late.socket.write(' three');
  // That nothing comes can only be seen by waiting.
  await new Promise((done) => setTimeout(done, 100));
  t.same([client.text, late.text, heard], ['ONE', '', 'one']);
  proxy.mend();
  await says(client, 'ONE TWO');
  await says(late, ' THREE');
});

t.test('answers alone can be held: what was asked for is carried out', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  proxy.cut('hold', 'answers');
  client.socket.write('one');
  await eventually(() => heard === 'one', 'the request arrives');
  t.equal(client.text, '');
  proxy.mend();
  await says(client, 'ONE');
});

t.test('what is dropped is lost without a word, and its connection with it once the network is mended', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  const idle = await open(proxy);
  client.socket.write('one');
  idle.socket.write('idle');
  await says(idle, 'IDLE');
  await says(client, 'ONE');
  heard = '';
  proxy.cut('drop');
  client.socket.write(' two');
  const during = await open(proxy);
  await new Promise((done) => setTimeout(done, 100));
  t.same([client.text, heard, client.socket.destroyed], ['ONE', '', false]);
  proxy.mend();
  t.equal(await client.end, 'ECONNRESET');
  t.equal(await during.end, 'ECONNRESET');
  idle.socket.write(' goes on');
  await says(idle, 'IDLE GOES ON');
});

t.test('answers that are dropped were answers to what was carried out', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  proxy.cut('drop', 'answers');
  client.socket.write('one');
  await eventually(() => heard === 'one', 'the request arrives');
  await new Promise((done) => setTimeout(done, 50));
  proxy.mend();
  t.equal(await client.end, 'ECONNRESET');
  t.equal(client.text, '');
});

t.test('what is broken is reset, and so is what comes until it is mended', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  client.socket.write('one');
  await says(client, 'ONE');
  proxy.cut('break');
  t.equal(await client.end, 'ECONNRESET');
  t.equal(await (await open(proxy).catch((error) => ({ end: error.code }))).end, 'ECONNRESET');
  t.equal(proxy.connections, 0);
  proxy.mend();
  const again = await open(proxy);
  again.socket.write('again');
  await says(again, 'AGAIN');
  proxy.reset();
  t.equal(await again.end, 'ECONNRESET');
});

t.test('what is slow comes late and in order', async (t) => {
  const proxy = await TcpProxy.to(() => port);
  const client = await open(proxy);
  proxy.delayMs = 100;
  const begun = performance.now();
  client.socket.write('one');
  await eventually(() => heard === 'one', 'the request arrives');
  proxy.delayMs = 0;
  client.socket.write(' two');
  await says(client, 'ONE TWO');
  t.ok(performance.now() - begun >= 100);
});

t.test('a target that is not there resets', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port: free } = gone.address() as { port: number };
  gone.close();
  const proxy = await TcpProxy.to(() => free);
  t.equal(await (await open(proxy)).end, 'ECONNRESET');
});
