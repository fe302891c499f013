/**
 * The witness of a soak: one subscriber to everything that resumes where it was cut off, across kills too. It holds the
 * server to its word: events without gap or double, and an end for every job that was acknowledged.
 */
import { WebSocket } from 'ws';

interface Told {
  readonly type: string;
  readonly seq: number;
  readonly job_id: string;
  readonly metadata?: { readonly final?: boolean };
}

const reconnectMs = 200;

export class Observer {
  /** What was wrong, one line each. */
  readonly wrong: string[] = [];
  events = 0;
  connections = 0;
  /** Acknowledged, and not ended as far as we have been told. */
  readonly #open = new Set<string>();
  /** Ended before its acknowledgement was noted here. */
  readonly #early = new Set<string>();
  readonly #portOf: () => number;
  #socket: WebSocket | undefined;
  #last = 0;
  #stopped = false;

  /** @param portOf where the server listens now */
  constructor(portOf: () => number) {
    this.#portOf = portOf;
    this.#connect();
  }

  /** A job that runs once was acknowledged. */
  acknowledged(id: string): void {
    if (!this.#early.delete(id)) this.#open.add(id);
  }

  get open(): readonly string[] {
    return [...this.#open];
  }

  get lastSeq(): number {
    return this.#last;
  }

  /** Cuts the connection as a network would; it comes back and resumes. */
  cut(): void {
    this.#socket?.terminate();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#portOf()}/ws`);
    this.#socket = socket;
    this.connections++;
    socket.on('open', () => socket.send(JSON.stringify({ action: 'subscribe', since: this.#last })));
    socket.on('message', (data) => this.#take(JSON.parse(String(data)) as Told));
    socket.on('error', () => {}); // its close follows
    socket.on('close', () => {
      if (!this.#stopped) setTimeout(() => !this.#stopped && this.#connect(), reconnectMs);
    });
  }

  #take(told: Told): void {
    if (told.type === 'gap') this.wrong.push(`events were lost: ${JSON.stringify(told)}`);
    if (!told.type.startsWith('job.')) return;
    if (told.seq !== this.#last + 1) this.wrong.push(`event ${told.seq} came after ${this.#last}`);
    this.#last = Math.max(this.#last, told.seq);
    this.events++;
    const ended =
      told.type === 'job.completed' ||
      told.type === 'job.cancelled' ||
      (told.type === 'job.failed' && told.metadata?.final === true);
    if (ended && !this.#open.delete(told.job_id)) this.#early.add(told.job_id);
  }
}
