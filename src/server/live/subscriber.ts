/**
 * One who hears events, by whatever way they get there: a WebSocket, or an answer that stays open. What both have in common
 * is here; `subscribers` says what becomes of them.
 */
import type { Listener } from './feed.js';

export abstract class Subscriber implements Listener {
  /** How often it has subscribed or unsubscribed: a resumption that a later request has replaced ends. */
  subscriptions = 0;
  /** Since when it is known to be too slow, monotonic milliseconds: nothing more is sent to it. */
  slowSince: number | undefined;

  /** @param token what its request was let in with; undefined where none was asked for */
  constructor(
    readonly number: number,
    readonly token: string | undefined,
  ) {}

  /** False once its connection is closed. */
  abstract readonly isOpen: boolean;
  abstract join(topic: string): void;
  abstract leave(topic: string): void;
  /**
   * Sends a message, JSON in one line.
   *
   * @param resumeAt whoever has heard this can resume there
   */
  abstract send(message: string, resumeAt?: number | string): void;
  /** What is sent in `step` goes out together. */
  abstract together(step: () => void): void;
  /** Bytes that wait for it to read. */
  abstract backlog(): number;
  /** The server is shutting down: ends the connection in order. */
  abstract end(): void;
  /** Its token is valid no more: ends the connection in order. */
  abstract revoke(): void;
  /** Ends the connection without a word. */
  abstract cut(): void;
}
