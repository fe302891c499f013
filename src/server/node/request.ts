/** A request as Node's parser hands it over, in the shape of the port. */
import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from '../http/http-port.js';

export class NodeRequest implements HttpRequest {
  /** What stands for the parameter of the route's pattern. */
  parameter: string | undefined;
  readonly #message: IncomingMessage;
  readonly #path: string;
  readonly #query: string;

  constructor(message: IncomingMessage) {
    this.#message = message;
    const target = message.url as string;
    const at = target.indexOf('?');
    this.#path = at < 0 ? target : target.slice(0, at);
    this.#query = at < 0 ? '' : target.slice(at + 1);
  }

  getMethod(): string {
    return (this.#message.method as string).toLowerCase();
  }

  getUrl(): string {
    return this.#path;
  }

  getQuery(): string {
    return this.#query;
  }

  getParameter(): string | undefined {
    return this.parameter;
  }

  getHeader(name: string): string {
    const value = this.#message.headers[name];
    return typeof value === 'string' ? text(value) : '';
  }

  forEach(see: (name: string, value: string) => void): void {
    const { rawHeaders } = this.#message;
    for (let at = 0; at < rawHeaders.length; at += 2)
      see((rawHeaders[at] as string).toLowerCase(), text(rawHeaders[at + 1] as string));
  }
}

/** Node takes each byte for a character. */
function text(bytes: string): string {
  return /[\x80-\xff]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}
