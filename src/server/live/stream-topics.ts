/**
 * Topics of event streams, as the HTTP port has them for WebSockets: a message is made into bytes once for all who listen, and
 * what leaves for many in the same turn is put together once.
 */

/** A stream as its topics see it. */
export interface TopicStream {
  /** Sends a block with all others of this turn. */
  push(block: Buffer): void;
  /** Writes what was sent. */
  flush(): void;
}

/** A message as a block of the stream. JSON in one line has no line break that would have to be taken apart. */
export function messageBlock(message: string, resumeAt: number | string | undefined): Buffer {
  return Buffer.from(resumeAt === undefined ? `data: ${message}\n\n` : `id: ${resumeAt}\ndata: ${message}\n\n`);
}

/** A comment, and where there is one, the resume point: without data it is no event. */
export function heartbeatBlock(resumeAt: number | string | undefined): Buffer {
  return Buffer.from(resumeAt === undefined ? ':\n\n' : `:\nid: ${resumeAt}\n\n`);
}

export class StreamTopics {
  readonly #topics = new Map<string, Set<TopicStream>>();
  #toFlush: TopicStream[] = [];
  /** The latest message as a block: an event goes to several topics. */
  #latest: { readonly resumeAt: number | string; readonly block: Buffer } | undefined;
  /** What was put together in this turn, by its first block. */
  readonly #wholes = new Map<Buffer, { readonly blocks: readonly Buffer[]; readonly bytes: Buffer }>();

  join(topic: string, stream: TopicStream): void {
    const streams = this.#topics.get(topic);
    if (streams) streams.add(stream);
    else this.#topics.set(topic, new Set([stream]));
  }

  leave(topic: string, stream: TopicStream): void {
    const streams = this.#topics.get(topic);
    if (streams?.delete(stream) && streams.size === 0) this.#topics.delete(topic);
  }

  /** Sends the message of an event to all who have joined the topic. */
  publish(topic: string, message: string, resumeAt: number | string): void {
    const streams = this.#topics.get(topic);
    if (streams === undefined) return;
    if (this.#latest?.resumeAt !== resumeAt) this.#latest = { resumeAt, block: messageBlock(message, resumeAt) };
    const { block } = this.#latest;
    for (const stream of streams) stream.push(block);
  }

  /** It has something to write, which leaves at the end of the turn. */
  toFlush(stream: TopicStream): void {
    if (this.#toFlush.push(stream) > 1) return;
    setImmediate(() => {
      const streams = this.#toFlush;
      this.#toFlush = [];
      for (const each of streams) each.flush();
      this.#wholes.clear();
    });
  }

  /** The blocks as one. */
  whole(blocks: readonly Buffer[]): Buffer {
    const [first] = blocks as [Buffer];
    if (blocks.length === 1) return first;
    const known = this.#wholes.get(first);
    if (known !== undefined && isSame(known.blocks, blocks)) return known.bytes;
    const bytes = Buffer.concat(blocks);
    this.#wholes.set(first, { blocks, bytes });
    return bytes;
  }
}

function isSame(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((block, at) => block === other[at]);
}
