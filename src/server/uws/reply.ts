/** The reply of uWebSockets.js: its response, and the ways that answers go out by. */
import type { HttpResponse } from 'uWebSockets.js';
import type { Answer, AnswerStream, Reply, StreamEvents } from '../http/http-port.js';
import { UwsStream } from './stream.js';
import type { UnsentAnswers } from './unsent.js';

export class UwsReply implements Reply {
  readonly #res: HttpResponse;
  readonly #unsent: UnsentAnswers;

  constructor(res: HttpResponse, unsent: UnsentAnswers) {
    this.#res = res;
    this.#unsent = unsent;
  }

  answer({ head, headers, body, headOnly }: Answer, last: boolean): void {
    const res = this.#res;
    let hasRoom = true;
    res.cork(() => {
      res.writeStatus(head);
      for (let at = 0; at < headers.length; at += 2) res.writeHeader(headers[at] as string, headers[at + 1] as string);
      if (headOnly) res.endWithoutBody(Buffer.byteLength(body), last);
      // Not even `undefined` may be passed: it would be written as a length of 2^63.
      else if (body === '') res.endWithoutBody();
      else if (last) res.end(body, true);
      else hasRoom = this.#unsent.send(res, body);
    });
    if (!hasRoom) res.close();
  }

  /** Another request that comes before the answer closes the connection by itself. */
  stop(): void {}

  /**
   * uWebSockets.js gives a response away as soon as it has ended, and with it the means of closing the connection; so it is
   * handed all of this one as a status line.
   */
  answerAndLinger({ head, headers, body, headOnly }: Answer): void {
    // It puts a line break behind what it takes for the status line, which ends the head, or is white space behind the JSON.
    const content = headOnly ? '' : `\r\n${body}`;
    const lines = [head];
    for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    lines.push(`Content-Length: ${Buffer.byteLength(body) + 2}`, 'Connection: close', content);
    this.#res.cork(() => this.#res.writeStatus(lines.join('\r\n')));
  }

  stream({ head, headers, headOnly }: Answer, events: StreamEvents): AnswerStream | undefined {
    const res = this.#res;
    res.cork(() => {
      res.writeStatus(head);
      for (let at = 0; at < headers.length; at += 2) res.writeHeader(headers[at] as string, headers[at + 1] as string);
      // Without a length: that of the stream is not known.
      if (headOnly) res.endWithoutBody();
    });
    return headOnly ? undefined : new UwsStream(res, events);
  }

  onData(take: (chunk: Buffer, isLast: boolean) => void): void {
    this.#res.onData((chunk, isLast) => take(Buffer.from(chunk), isLast));
  }

  onAborted(call: () => void): void {
    this.#res.onAborted(call);
  }

  cut(): void {
    this.#res.close();
  }

  /** For an upgrade. */
  get native(): HttpResponse {
    return this.#res;
  }
}
