/**
 * A subscriber by Server-Sent Events (HTML Living Standard, section 9.2): an answer that stays open. What is sent in a turn
 * of the loop leaves in one write, which costs more than all else.
 */
import type { AnswerStream } from '../http/http-port.js';
import { messageBlock, type StreamTopics, type TopicStream } from './stream-topics.js';
import { Subscriber } from './subscriber.js';
import { maxBacklogBytes, type Subscribers } from './subscribers.js';

/** What waits is sent before the turn is over once it is so much. */
const writeBytes = 64 * 1024;

export class EventStream extends Subscriber implements TopicStream {
  readonly #topics: StreamTopics;
  readonly #subscribers: Subscribers;
  readonly #joined = new Set<string>();
  #answer: AnswerStream | undefined;
  /** Of this turn, not written yet. */
  #blocks: Buffer[] = [];
  #bytes = 0;

  constructor(topics: StreamTopics, subscribers: Subscribers, token: string | undefined) {
    super(subscribers.number(), token);
    this.#topics = topics;
    this.#subscribers = subscribers;
  }

  /** From here on it can be sent something. */
  open(answer: AnswerStream): void {
    this.#answer = answer;
  }

  /** The answer is over. */
  closed(): void {
    this.#answer = undefined;
    for (const topic of this.#joined) this.#topics.leave(topic, this);
    this.#joined.clear();
  }

  get isOpen(): boolean {
    return this.#answer !== undefined;
  }

  join(topic: string): void {
    this.#joined.add(topic);
    this.#topics.join(topic, this);
  }

  leave(topic: string): void {
    this.#joined.delete(topic);
    this.#topics.leave(topic, this);
  }

  send(message: string, resumeAt?: number | string): void {
    this.push(messageBlock(message, resumeAt));
  }

  push(block: Buffer): void {
    if (this.#answer === undefined || this.slowSince !== undefined) return;
    this.#bytes += block.length;
    if (this.#blocks.push(block) === 1) this.#topics.toFlush(this);
    if (this.#bytes >= writeBytes) this.flush();
  }

  /** Writes what was sent. Who has too much to read as it is is cut off: it resumes behind what it has got, at its own pace. */
  flush(): void {
    const answer = this.#answer;
    if (answer === undefined || this.#blocks.length === 0) return;
    const bytes = this.#topics.whole(this.#blocks);
    this.#blocks = [];
    this.#bytes = 0;
    if (answer.getBufferedAmount() <= maxBacklogBytes) return answer.write(bytes);
    this.#subscribers.tooSlow(this);
    // Not in the middle of a publish.
    setImmediate(() => this.cut());
  }

  together(step: () => void): void {
    step();
  }

  backlog(): number {
    return this.#bytes + (this.#answer?.getBufferedAmount() ?? 0);
  }

  end(): void {
    this.flush();
    this.#answer?.end();
  }

  revoke(): void {
    this.end();
  }

  cut(): void {
    this.#answer?.cut();
  }
}
