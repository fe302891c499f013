/**
 * An answer of uWebSockets.js that stays open. What its client does not take would pile up in native memory, where it cannot
 * be measured. So as long as something of a write is left there, what comes behind it waits here.
 *
 * uWebSockets.js sends what is left only together with something that is written behind it: that is the filler, and whether
 * it goes through says whether all before it has.
 */
import type { HttpResponse } from 'uWebSockets.js';
import type { AnswerStream, StreamEvents } from '../http/http-port.js';

export class UwsStream implements AnswerStream {
  readonly #res: HttpResponse;
  readonly #events: StreamEvents;
  /** Not handed over yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Length of the write of which something is left; 0 when there is none. */
  #leftBytes = 0;
  #isEnding = false;

  constructor(res: HttpResponse, events: StreamEvents) {
    this.#res = res;
    this.#events = events;
    res.onAborted(() => events.close());
    res.onWritable(() => {
      this.#drain();
      return true;
    });
  }

  write(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#leftBytes === 0) this.#res.cork(() => this.#send());
  }

  getBufferedAmount(): number {
    return this.#waitingBytes + this.#leftBytes;
  }

  end(): void {
    this.#isEnding = true;
    if (this.#waiting.length === 0) this.#finish();
  }

  cut(): void {
    this.#res.close();
  }

  #drain(): void {
    this.#res.cork(() => {
      if (!this.#res.write(this.#events.filler)) return;
      this.#leftBytes = 0;
      this.#send();
    });
    if (this.#isEnding && this.#waiting.length === 0) this.#finish();
  }

  /** Hands over what the client takes, and of one write what it does not. */
  #send(): void {
    let sent = 0;
    while (sent < this.#waiting.length && this.#leftBytes === 0) {
      const bytes = this.#waiting[sent++] as Buffer;
      this.#waitingBytes -= bytes.length;
      if (!this.#res.write(bytes)) this.#leftBytes = bytes.length;
    }
    this.#waiting.splice(0, sent);
  }

  #finish(): void {
    // To have it close the connection as well would put a header line in front of the last chunk.
    this.#res.cork(() => this.#res.end());
    this.#events.close();
  }
}
