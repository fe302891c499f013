/**
 * Answers that their clients have not read yet. uWebSockets.js would keep any number of them: who asks and asks on one
 * connection and never reads fills the memory. So what a connection does not take waits here, within a bound for all; the
 * next request that comes on it before that closes it, which uWebSockets.js does by itself.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { limits } from '../../domain/limits.js';

export class UnsentAnswers {
  /** What waits for all connections. */
  bytes = 0;

  /**
   * Sends a body behind the head that was written: now what the client takes, the rest as it reads.
   *
   * @param body its memory is free again when this returns
   * @returns false when there is no room for the rest: the connection is then to be cut
   */
  send(res: HttpResponse, body: string | Buffer): boolean {
    const total = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const [, done] = res.tryEnd(body, total);
    return done || this.#keep(res, body, total);
  }

  #keep(res: HttpResponse, body: string | Buffer, total: number): boolean {
    const sent = res.getWriteOffset();
    if (this.bytes + total - sent > limits.unsentBytes) return false;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const rest = Buffer.from(bytes.subarray(sent));
    this.bytes += rest.length;
    const forget = (): void => {
      this.bytes -= rest.length;
    };
    res.onAborted(forget);
    res.onWritable((offset) => {
      const [ok, done] = res.tryEnd(rest.subarray(offset - sent), total);
      if (done) forget();
      return ok;
    });
    return true;
  }
}
