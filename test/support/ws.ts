/** A WebSocket subscriber that keeps everything it hears and can wait for a message. */
import t from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import { messageFault } from './declared.js';

export interface Message {
  type: string;
  timestamp?: string;
  seq?: number;
  [field: string]: unknown;
}

/** An event as the server pushes it. */
export interface JobEvent extends Message {
  job_id: string;
  job_name: string;
  status: number;
  timestamp: string;
  seq: number;
  data?: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

export interface Filter {
  job_types?: string[];
  event_types?: string[];
  job_ids?: string[];
}

const open = new Set<WebSocket>();
t.teardown(() => {
  for (const socket of open) socket.terminate();
});

export class Subscriber {
  readonly messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly waiting = new Set<() => void>();
  private faulty = false;

  private constructor(readonly socket: WebSocket) {
    open.add(socket);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      // One says enough.
      const fault = this.faulty ? undefined : messageFault(message);
      if (fault !== undefined) {
        this.faulty = true;
        t.fail(`a message is not as declared: ${fault}`);
      }
      this.messages.push(message);
      for (const look of this.waiting) look();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((done) =>
      socket.on('close', (code, reason) => {
        open.delete(socket);
        done({ code, reason: String(reason) });
        for (const look of this.waiting) look();
      }),
    );
  }

  /** Connects; a refusal rejects with `Unexpected server response: <status>`. */
  static connect(
    server: { readonly port: number },
    options: ClientOptions = {},
    protocols: string[] = [],
  ): Promise<Subscriber> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, protocols, options);
    const subscriber = new Subscriber(socket);
    return new Promise((done, failed) => {
      socket.once('open', () => done(subscriber));
      socket.once('error', failed);
    });
  }

  /** The status with which the upgrade is refused; 101 when it is not. */
  static async attempt(
    server: { readonly port: number },
    options: ClientOptions = {},
    protocols: string[] = [],
  ): Promise<number> {
    try {
      const subscriber = await Subscriber.connect(server, options, protocols);
      await subscriber.close();
      return 101;
    } catch (error) {
      return Number(/Unexpected server response: (\d+)/.exec(String(error))?.[1] ?? Number.NaN);
    }
  }

  /** Connects and subscribes. */
  static async to(server: { readonly port: number }, filter?: Filter): Promise<Subscriber> {
    const subscriber = await Subscriber.connect(server);
    await subscriber.subscribe(filter);
    return subscriber;
  }

  /** A string goes as it is. */
  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Sends, and waits for the next message of that type. */
  async ask(message: unknown, type: string): Promise<Message> {
    const from = this.messages.length;
    this.send(message);
    return this.waitFor((found) => found.type === type, `an answer of type ${type}`, from);
  }

  subscribe(filter?: Filter): Promise<Message> {
    return this.ask(filter === undefined ? { action: 'subscribe' } : { action: 'subscribe', filter }, 'subscribed');
  }

  /** The first message, among those there and those to come, that fulfils the condition. */
  waitFor(condition: (message: Message) => boolean, what = 'a message', from = 0, ms = 10_000): Promise<Message> {
    return new Promise((done, failed) => {
      let next = from;
      const end = (outcome: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        outcome();
      };
      const missing = (why: string) =>
        new Error(`${what} did not come: ${why}; heard ${JSON.stringify(this.messages.slice(-20))}`);
      const look = () => {
        for (; next < this.messages.length; next++) {
          const message = this.messages[next]!;
          if (condition(message)) return end(() => done(message));
        }
        if (this.socket.readyState === WebSocket.CLOSED) end(() => failed(missing('connection closed')));
      };
      const timer = setTimeout(() => end(() => failed(missing(`waited ${ms} ms`))), ms);
      this.waiting.add(look);
      look();
    });
  }

  /** The nth event of that type of a job. */
  event(jobId: string, type: string, nth = 1): Promise<JobEvent> {
    let count = 0;
    return this.waitFor(
      (message) => message.job_id === jobId && message.type === type && ++count === nth,
      `${type} ${nth} of ${jobId}`,
    ) as Promise<JobEvent>;
  }

  /** The events heard so far, of one job or of all. */
  events(jobId?: string): JobEvent[] {
    return this.messages.filter(
      (message) => message.type.startsWith('job.') && (jobId === undefined || message.job_id === jobId),
    ) as JobEvent[];
  }

  /** The types of the events heard so far. */
  types(jobId?: string): string[] {
    return this.events(jobId).map((event) => event.type);
  }

  /** A turn of the server's: what it had to send before this is here then. */
  async settle(): Promise<void> {
    await this.ask({ action: 'ping' }, 'pong');
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
