/** A subscriber to everything that resumes where it was cut off, for as long as it is not stopped. */
import t from 'tap';
import { WebSocket } from 'ws';
import { eventually } from '../../support/client.js';
import type { Message } from './lines.js';
import { Place } from './place.js';

const reconnectMs = 100;
const settleMs = 30_000;

export class Watcher {
  /** It has been answered for the first time. */
  readonly subscribed: Promise<void>;
  readonly #server: { readonly port: number };
  readonly #hear: (message: Message) => void;
  #first: () => void = () => {};
  #socket: WebSocket | undefined;
  /** What was heard so far, or had happened when it subscribed. */
  #heard: Place | undefined;
  /** What had happened, as the server has said it last. */
  #told: Place | undefined;
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
    this.#told = undefined;
    this.cut();
    await eventually(
      () => this.#told !== undefined && this.#heard?.hasReached(this.#told) === true,
      () => `a subscriber has heard of event ${this.#heard?.since} and not of ${this.#told?.since}`,
      settleMs,
    );
  }

  #connect(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#server.port}/ws`);
    this.#socket = socket;
    const since = this.#heard?.since;
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
      this.#told = new Place(message);
      this.#heard ??= new Place(message);
      this.#first();
      return;
    }
    if (message.seq !== undefined) this.#heard?.take(message);
    this.#hear(message);
  }
}
