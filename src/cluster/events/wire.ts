/**
 * What nodes tell each other of events, on a stream of one shard: blocks of an event stream, each with one message as JSON. Events go as the
 * log has them, not as clients read them: the node that a client is connected to writes them its own way. All live nodes have one format.
 */
import { createHash } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import type { JobEvent, TransientEvent } from '../../domain/events.js';

/** What a lease is known by outside the database. */
export function leaseMark(lease: string): string {
  return createHash('sha256').update(lease).digest('hex').slice(0, 16);
}

/** A message of such a stream; of the other fields exactly one is there. */
export interface StreamMessage {
  /** What follows comes behind this event. It is the first message. */
  readonly at?: number;
  /** With `at`: the mark of the lease that the stream is under. */
  readonly lease?: string;
  /** With `at`: the timeline of the shard. */
  readonly timeline?: number;
  /** Of the log of the owner, in order. */
  readonly events?: readonly JobEvent[];
  /** From one number to another, which the owner does not know any more. */
  readonly gap?: readonly [from: number, to: number];
  readonly transient?: TransientEvent;
}

/** Past events of a shard, as its owner answers. */
export interface PastAnswer {
  readonly events: readonly JobEvent[];
  /** The first that the owner still knows. */
  readonly oldest: number;
  /** The latest event. Whoever has heard a later one has heard something that the database has lost. */
  readonly last: number;
  readonly timeline: number;
}

/** What means nothing: a sign of life. */
export const signOfLife = Buffer.from(':\n\n');

export function writeBlock(message: StreamMessage): Buffer {
  return Buffer.from(`data: ${JSON.stringify(message)}\n\n`);
}

/** Reads blocks as they come, however they are cut. */
export class BlockReader {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** @returns the messages that are whole now */
  read(chunk: Buffer): StreamMessage[] {
    const blocks = (this.#rest + this.#decoder.write(chunk)).split('\n\n');
    this.#rest = blocks.pop() as string;
    return blocks
      .filter((block) => block.startsWith('data: '))
      .map((block) => JSON.parse(block.slice('data: '.length)) as StreamMessage);
  }
}
