/**
 * What a server meets beside its users' load: large payloads changed over and over, requests that are as dear as the limits
 * allow, bodies that are refused while they are sent, filters that change all the time, handlers that flood the log.
 * Nothing of it may leave anything behind.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { ServerProcess } from '../../bench/support/server-process.js';
import type { Random } from '../simulation/random.js';

const changedJobs = 20;
const filterIds = 1000;

/** Sources of handlers that the hostile load uses, by job type. */
export const hostileHandlers: Readonly<Record<string, string>> = {
  flood: `export default (_, ctx) => {
    for (let line = 0; line < 900; line++) {
      ctx.log.info('line '.repeat(20), { line });
      console.log('line '.repeat(20));
    }
  };`,
  odd: `export default () => { throw 'a text'; };`,
  large: `export default () => ({ text: 'x'.repeat(60_000) });`,
};

export class Hostile {
  readonly #server: ServerProcess;
  readonly #random: Random;
  readonly #changed: string[] = [];
  #number = 0;

  constructor(server: ServerProcess, random: Random) {
    this.#server = server;
    this.#random = random;
  }

  /** A second's worth. Answers are not looked at: the server may be going down. */
  async second(): Promise<void> {
    await Promise.allSettled([
      this.#changes(),
      this.#zones(),
      this.#filters(),
      this.#tooLarge(),
      this.#badFraming(),
      this.#run(),
    ]);
  }

  async #changes(): Promise<void> {
    const payload = { text: 'x'.repeat(200_000), n: this.#number++ };
    for (let i = 0; i < 10; i++) {
      const place = this.#random.between(0, changedJobs - 1);
      const id = this.#changed[place];
      const body = JSON.stringify(
        id === undefined ? { name: 'noop', delay: '30s', payload } : { delay: '30s', payload },
      );
      const answer = await this.#ask(
        id === undefined ? 'POST' : 'PUT',
        id === undefined ? '/jobs' : `/jobs/${id}`,
        body,
      );
      if (answer.status === 201) this.#changed[place] = (JSON.parse(answer.body) as { id: string }).id;
      else if (answer.status !== 200) delete this.#changed[place];
    }
  }

  /** Jobs in zones that are written in ever new ways; they leave at once. */
  async #zones(): Promise<void> {
    const spelled = [...'europe/berlin'].map((c) => (this.#random.chance(0.5) ? c.toUpperCase() : c)).join('');
    const list = Array.from({ length: 50 }, (_, i) => ({
      name: 'noop',
      cron_expr: `${i} ${this.#random.between(0, 59)} 3 1 1 *`,
      timezone: spelled,
    }));
    const made = await this.#ask('POST', '/jobs/batch', JSON.stringify(list));
    if (made.status !== 201) return;
    for (const { id } of (JSON.parse(made.body) as { items: { id: string }[] }).items)
      await this.#ask('DELETE', `/jobs/${id}`);
  }

  async #filters(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#server.port}/ws`);
    socket.on('error', () => {});
    try {
      await Promise.race([once(socket, 'open'), once(socket, 'close')]);
      for (let n = 0; n < 5 && socket.readyState === WebSocket.OPEN; n++) {
        const ids = Array.from(
          { length: filterIds },
          () =>
            `job_1795484646_${this.#random
              .between(0, 2 ** 31)
              .toString(16)
              .padStart(8, '0')}`,
        );
        socket.send(JSON.stringify({ action: 'subscribe', filter: { job_ids: ids } }));
        await Promise.race([once(socket, 'message'), once(socket, 'close')]);
      }
    } finally {
      socket.close();
    }
  }

  #tooLarge(): Promise<void> {
    return this.#raw(
      `POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n`,
      Buffer.alloc(3_000_000, 'x'),
    );
  }

  #badFraming(): Promise<void> {
    const head = 'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    return this.#raw(
      `${head}Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n`,
      Buffer.from('5\r\n{"na"\r\n0\r\nX-Sum: 1\r\n\r\n'),
    );
  }

  #raw(head: string, body: Buffer): Promise<void> {
    return new Promise((done) => {
      const socket = connect(this.#server.port, '127.0.0.1', () => {
        socket.write(head);
        socket.end(body);
      });
      socket.on('error', () => {});
      socket.on('close', () => done());
      socket.resume();
    });
  }

  async #run(): Promise<void> {
    for (const name of Object.keys(hostileHandlers)) {
      await this.#ask('POST', '/jobs', JSON.stringify({ name, delay: '0s', max_retries: 0 }));
    }
    await this.#ask('GET', '/jobs?name=large&limit=100');
  }

  async #ask(method: string, path: string, body?: string): Promise<{ status: number; body: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.#server.port}/api/v1${path}`, {
      method,
      ...(body !== undefined && { body, headers: { 'Content-Type': 'application/json' } }),
    });
    return { status: answer.status, body: await answer.text() };
  }
}
