/**
 * A client that makes jobs at a steady rate and asks several nodes in turn, as one does behind a balancer: what a node does not take, it
 * asks of the next one, once.
 */
import { Agent, request } from 'node:http';
import { parseId } from '../../src/domain/id.js';
import { shardOf } from '../../src/domain/ids/job-numbers.js';
import { sleep } from './bench.js';
import { dueBody } from './job-bodies.js';

/** A job that it was told is there. */
export interface MadeJob {
  readonly due: number;
  readonly shard: number;
  /** Its request was sent twice, so there may be two. */
  readonly isRepeated: boolean;
}

export interface SteadyClientOptions {
  readonly nodes: readonly { readonly port: number }[];
  readonly perSecond: number;
  /** From the request to the due time. */
  readonly leadMs: number;
  /** How many shards the cluster has. */
  readonly shards: number;
}

/** Other jobs of the same handler have smaller ones. */
const firstNumber = 1_000_000_000;
const tickMs = 2;
const answerLimitMs = 30_000;
const created = 201;

export class SteadyClient {
  /** By the number in their payloads. */
  readonly made = new Map<number, MadeJob>();
  /** Requests that were sent again, and those that failed then, too. */
  readonly counts = { again: 0, failed: 0 };
  /** What the first that failed was answered. */
  firstFailure: string | undefined;
  readonly #options: SteadyClientOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #asking = new Set<Promise<void>>();
  readonly #all: Promise<void>;
  #isOver = false;

  /** It begins at once. */
  constructor(options: SteadyClientOptions) {
    this.#options = options;
    this.#all = this.#run();
  }

  /** Resolves when all is answered. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
    await Promise.all(this.#asking);
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const { perSecond } = this.#options;
    const begun = performance.now();
    for (let sent = 0; !this.#isOver; ) {
      const planned = Math.floor(((performance.now() - begun) * perSecond) / 1000);
      for (; sent < planned; sent++) {
        const asking = this.#make(firstNumber + sent).finally(() => this.#asking.delete(asking));
        this.#asking.add(asking);
      }
      await sleep(tickMs);
    }
  }

  async #make(n: number): Promise<void> {
    const { nodes, leadMs, shards } = this.#options;
    const due = Date.now() + leadMs;
    const body = dueBody('stamp', due, `{"n":${n},"atOnce":true}`);
    const ask = (at: number): Promise<{ status: number; text: string }> => this.#ask(nodes[at % nodes.length]!, body);
    let answer = await ask(n);
    const isRepeated = answer.status !== created;
    if (isRepeated) {
      this.counts.again++;
      const first = answer;
      answer = await ask(n + 1);
      if (answer.status !== created) {
        this.counts.failed++;
        this.firstFailure ??= `${first.text}, and then ${answer.text}`;
        return;
      }
    }
    const { id } = JSON.parse(answer.text) as { id: string };
    this.made.set(n, { due, shard: shardOf(parseId(id)!.low, shards), isRepeated });
  }

  /** Status 0: there was no answer. */
  #ask({ port }: { readonly port: number }, body: string): Promise<{ status: number; text: string }> {
    return new Promise((done) => {
      const fail = (error: Error): void => done({ status: 0, text: error.message });
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const signal = AbortSignal.timeout(answerLimitMs);
      const options = {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/api/v1/jobs',
        agent: this.#agent,
        headers,
        signal,
      };
      const call = request(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => done({ status: answer.statusCode ?? 0, text }));
        answer.on('error', fail);
      });
      call.on('error', fail);
      call.end(body);
    });
  }
}
