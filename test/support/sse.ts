/** A reader of an event stream that keeps everything it hears and can wait for a message. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import t from 'tap';
import { messageFault } from './declared.js';
import type { JobEvent, Message } from './ws.js';

/** A block of the stream: what stands between two empty lines. */
export interface Block {
  readonly id?: string;
  readonly message?: Message;
  /** It has a line that says nothing. */
  readonly comment: boolean;
}

const open = new Set<ClientRequest>();
t.teardown(() => {
  for (const request of open) request.destroy();
});

export class StreamReader {
  readonly blocks: Block[] = [];
  /** How the stream ended: in order, or cut off. */
  readonly closed: Promise<'ended' | 'cut'>;
  #text = '';
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  private constructor(
    readonly response: IncomingMessage,
    readonly request: ClientRequest,
  ) {
    response.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    let ended = false;
    response.on('end', () => (ended = response.complete));
    response.on('error', () => undefined);
    this.closed = new Promise((done) =>
      response.on('close', () => {
        open.delete(request);
        this.#isClosed = true;
        done(ended ? 'ended' : 'cut');
        for (const look of this.#waiting) look();
      }),
    );
  }

  /** @param query behind `?`. Rejects with the status of a refusal. */
  static to(
    server: { readonly port: number },
    query = '',
    headers: Record<string, string> = {},
  ): Promise<StreamReader> {
    const path = `/api/v1/events${query === '' ? '' : `?${query}`}`;
    const request = httpRequest({ host: '127.0.0.1', port: server.port, path, headers, agent: false });
    open.add(request);
    return new Promise((done, failed) => {
      request.on('error', failed);
      request.on('response', (response) => {
        if (response.statusCode === 200) return done(new StreamReader(response, request));
        response.resume();
        failed(new Error(`status ${response.statusCode}`));
      });
      request.end();
    });
  }

  #read(text: string): void {
    const parts = (this.#text + text).split('\n\n');
    this.#text = parts.pop() as string;
    for (const part of parts) this.blocks.push(blockOf(part));
    for (const look of this.#waiting) look();
  }

  /** What came as data. */
  get messages(): Message[] {
    return this.blocks.flatMap(({ message }) => (message === undefined ? [] : [message]));
  }

  events(jobId?: string): JobEvent[] {
    const all = this.messages.filter(({ type }) => type.startsWith('job.')) as JobEvent[];
    return jobId === undefined ? all : all.filter((event) => event.job_id === jobId);
  }

  seqs(): number[] {
    return this.events().map(({ seq }) => seq);
  }

  /** The latest resume point, as a browser keeps it. */
  get lastId(): string | undefined {
    return this.blocks.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The first block, among those there and those to come, that fulfils the condition. */
  block(condition: (block: Block) => boolean, what: string, ms = 20_000): Promise<Block> {
    return new Promise((done, failed) => {
      let next = 0;
      const end = (outcome: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        outcome();
      };
      const missing = (why: string) => new Error(`${what} did not come: ${why}; heard ${tail(this.blocks)}`);
      const look = (): void => {
        for (; next < this.blocks.length; next++) {
          const block = this.blocks[next] as Block;
          if (condition(block)) return end(() => done(block));
        }
        if (this.#isClosed) end(() => failed(missing('the stream is closed')));
      };
      const timer = setTimeout(() => end(() => failed(missing(`waited ${ms} ms`))), ms);
      this.#waiting.add(look);
      look();
    });
  }

  async event(jobId: string, type: string): Promise<JobEvent> {
    const found = await this.block(
      ({ message }) => message?.job_id === jobId && message.type === type,
      `${type} of ${jobId}`,
    );
    return found.message as JobEvent;
  }

  /** The event of that number. */
  async seq(seq: number): Promise<void> {
    await this.block(({ message }) => message?.type !== 'subscribed' && message?.seq === seq, `event ${seq}`);
  }

  /** Goes away. */
  async close(): Promise<void> {
    this.request.destroy();
    await this.closed;
  }
}

function blockOf(text: string): Block {
  let id: string | undefined;
  let data: string | undefined;
  let comment = false;
  for (const line of text.split('\n')) {
    const [, field, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
    if (field === 'id' && id === undefined) id = value;
    else if (field === 'data' && data === undefined) data = value;
    else if (field === '') comment = true;
    else throw new Error(`not a line of a stream: ${line}`);
  }
  const message = data === undefined ? undefined : (JSON.parse(data) as Message);
  const fault = message && messageFault(message);
  if (fault !== undefined) t.fail(`a message is not as declared: ${fault}`);
  return { ...(id !== undefined && { id }), ...(message && { message }), comment };
}

function tail(blocks: readonly Block[]): string {
  return JSON.stringify(blocks.slice(-10)).slice(0, 4000);
}
