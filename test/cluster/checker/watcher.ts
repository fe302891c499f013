/** A subscriber to everything that resumes where it was cut off, for as long as it is not stopped. */
import t from 'tap';
import { WebSocket } from 'ws';
import { eventually } from '../../support/client.js';
import type { Message } from './lines.js';

const reconnectMs = 100;
const settleMs = 30_000;

export class Watcher {
  /** It has been answered for the first time. */
  readonly subscribed: Promise<void>;
  readonly #server: { readonly port: number };
  readonly #hear: (message: Message) => void;
  #first: () => void = () => {};
  #socket: WebSocket | undefined;
  /** The last event that was heard, or that there was when it subscribed. */
  #last: number | undefined;
  /** The last that there was, as the server has said it. */
  #reached: number | undefined;
  #stopped = false;

  /** @param server its port is read at every connection, so that it may restart */
  constructor(server: { readonly port: number }, hear: (message: Message) => void) {
    this.#server = server;
    this.#hear = hear;
    this.subscribed = new Promise((done) => {
      this.#first = done;
    });
    t.teardown(() => this.stop());
    this.#connect();
  }

  /** Cuts the connection as a network would. */
  cut(): void {
    this.#socket?.terminate();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  /** Waits until all has been heard that has happened so far, be it over another connection. */
  async settle(): Promise<void> {
    this.#reached = undefined;
    this.cut();
    await eventually(
      () => this.#reached !== undefined && this.#last !== undefined && this.#last >= this.#reached,
      () => `a subscriber has heard of event ${this.#last} and not of ${this.#reached}`,
      settleMs,
    );
  }

  #connect(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#server.port}/ws`);
    this.#socket = socket;
    const since = this.#last;
    socket.on('open', () =>
      socket.send(JSON.stringify({ action: 'subscribe', ...(since !== undefined && { since }) })),
    );
    socket.on('message', (data) => {
      if (socket === this.#socket) this.#take(JSON.parse(String(data)) as Message);
    });
    socket.on('error', () => {}); // its close follows
    socket.on('close', () => {
      if (!this.#stopped) setTimeout(() => !this.#stopped && this.#connect(), reconnectMs).unref();
    });
  }

  #take(message: Message): void {
    if (message.type === 'subscribed') {
      this.#last ??= message.seq;
      this.#reached = message.seq;
      this.#first();
      return;
    }
    if (message.seq !== undefined) this.#last = message.seq;
    this.#hear(message);
  }
}
