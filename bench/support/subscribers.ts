/**
 * Many subscribers in a process of their own, by WebSocket or event stream: raw sockets that count frames. Connects and subscribes on `open`,
 * and tells on `wave` when the awaited number of frames has come, or what has come until the limit.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { clientFrame, FrameCounter, MessageCounter, pong } from './frames.js';
import { wallMs } from './wall-clock.js';

/** How events come: over a WebSocket, or as an answer that stays open. */
export type Way = 'websocket' | 'stream';

export type ToSubscribers =
  /** One connection per filter. */
  | { readonly kind: 'open'; readonly port: number; readonly way: Way; readonly filters: readonly object[] }
  /** Forgets what was counted, and waits for so many frames on every connection. */
  | { readonly kind: 'expect'; readonly framesEach: readonly number[]; readonly limitMs: number }
  | { readonly kind: 'wave' };

/** Instants are Unix milliseconds with a fraction. */
export interface Wave {
  readonly frames: number;
  readonly bytes: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Connections that got another number of frames than they were to. */
  readonly wrong: number;
  /** Connections that the server has closed. */
  readonly closed: number;
}

const openAtOnce = 100;
const readBytes = 256 * 1024;
/** Each address of ours has 28,000 ports towards one of the server's; several keep rounds out of each other's way. */
const sourceAddresses = 8;

class Subscriber {
  readonly frames: FrameCounter | MessageCounter;
  expected = 0;
  lost = false;
  handshaken = false;
  constructor(
    readonly socket: Socket,
    readonly way: Way,
    /** Its first message; a stream says what it wants in its request. */
    readonly subscription: Buffer,
  ) {
    this.frames = way === 'stream' ? new MessageCounter() : new FrameCounter();
  }
}

const shared = Buffer.allocUnsafe(readBytes);
let subscribers: Subscriber[] = [];
let outstanding = 0;
let firstAt = 0;
let lastAt = 0;
let arrived: () => void = () => {};

function open(port: number, way: Way, filter: object, index: number): Promise<void> {
  return new Promise((done, failed) => {
    const onread = {
      buffer: shared,
      callback: (bytes: number): boolean => {
        read(subscriber, shared.subarray(0, bytes), done);
        return true;
      },
    };
    const localAddress = `127.0.0.${2 + (index % sourceAddresses)}`;
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true, onread });
    const subscriber = new Subscriber(socket, way, clientFrame(JSON.stringify({ action: 'subscribe', filter })));
    subscribers.push(subscriber);
    const key = randomBytes(16).toString('base64');
    socket.once('connect', () => {
      if (way === 'stream')
        return void socket.write(`GET /api/v1/events${query(filter)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
      socket.write(`GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgrade}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    });
    socket.on('error', failed);
    socket.on('close', () => {
      subscriber.lost = true;
      failed(new Error('the server closed a subscriber'));
    });
  });
}

/** The first frame is the answer to the subscription, and tells that events are on from here. */
function read(subscriber: Subscriber, chunk: Buffer, subscribed: () => void): void {
  const { frames } = subscriber;
  let bytes = chunk;
  if (!subscriber.handshaken) {
    // The head of the upgrade is small and comes in one piece.
    const status = subscriber.way === 'stream' ? '200' : '101';
    if (!chunk.toString('latin1', 0, 12).startsWith(`HTTP/1.1 ${status}`)) return void subscriber.socket.destroy();
    subscriber.handshaken = true;
    if (subscriber.way === 'websocket') subscriber.socket.write(subscriber.subscription);
    bytes = chunk.subarray(chunk.indexOf('\r\n\r\n') + 4);
  }
  const before = frames.texts;
  frames.take(bytes);
  if (frames instanceof FrameCounter) for (; frames.pings > 0; frames.pings--) subscriber.socket.write(pong());
  if (frames.texts === before) return;
  if (before === 0) subscribed();
  if (outstanding === 0) return;
  lastAt = wallMs();
  if (firstAt === 0) firstAt = lastAt;
  outstanding -= frames.texts - before;
  if (outstanding <= 0) arrived();
}

/** A filter as a query. */
function query(filter: object): string {
  const fields = Object.entries(filter as Record<string, readonly string[]>);
  return `?${fields.map(([name, values]) => `${name}=${values.join(',')}`).join('&')}`;
}

async function openAll(port: number, way: Way, filters: readonly object[]): Promise<void> {
  for (let from = 0; from < filters.length; from += openAtOnce) {
    const some = filters.slice(from, from + openAtOnce);
    await Promise.all(some.map((filter, i) => open(port, way, filter, from + i)));
  }
}

let wave: Promise<Wave> | undefined;

function expect(framesEach: readonly number[], limitMs: number): void {
  outstanding = 0;
  for (const [index, subscriber] of subscribers.entries()) {
    subscriber.frames.texts = 1;
    subscriber.frames.bytes = 0;
    subscriber.expected = 1 + (framesEach[index] ?? 0);
    outstanding += framesEach[index] ?? 0;
  }
  firstAt = 0;
  lastAt = 0;
  wave = new Promise<void>((done) => {
    arrived = done;
    if (outstanding === 0) done();
    setTimeout(done, limitMs).unref();
  })
    // What comes in the same moment too much is to be seen as well.
    .then(() => new Promise((done) => setTimeout(done, 50)))
    .then(summary);
}

function summary(): Wave {
  let frames = 0;
  let bytes = 0;
  let wrong = 0;
  let closed = 0;
  for (const { frames: counted, expected, lost } of subscribers) {
    frames += counted.texts - 1;
    bytes += counted.bytes;
    if (counted.texts !== expected) wrong++;
    if (lost || counted.closed) closed++;
  }
  return { frames, bytes, firstAt, lastAt, wrong, closed };
}

process.on('message', async (message: ToSubscribers) => {
  switch (message.kind) {
    case 'open':
      for (const { socket } of subscribers) socket.removeAllListeners('close').destroy();
      subscribers = [];
      await openAll(message.port, message.way, message.filters);
      process.send?.({ opened: subscribers.length });
      return;
    case 'expect':
      expect(message.framesEach, message.limitMs);
      process.send?.({ opened: subscribers.length });
      return;
    case 'wave':
      process.send?.(await wave);
      return;
    default:
      message satisfies never;
  }
});
process.once('disconnect', () => process.exit());
