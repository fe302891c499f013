/**
 * The receiving half of a WebSocket (RFC 6455) that only counts: it walks from frame head to frame head and looks at no
 * event's text, so that one process can take a million frames a second.
 */

const opcodes = { text: 1, close: 8, ping: 9 } as const;

/** A masked frame of a client, mask 0: the payload stays as it is. */
export function clientFrame(payload: string | Buffer, opcode: number = opcodes.text): Buffer {
  const bytes = Buffer.from(payload);
  const long = bytes.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (long ? 126 : bytes.length);
  if (long) head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

export function pong(): Buffer {
  return clientFrame('', 10);
}

export class FrameCounter {
  /** Text frames so far. */
  texts = 0;
  /** Bytes of their payloads. */
  bytes = 0;
  pings = 0;
  closed = false;
  /** Of the payload under way, still to come. */
  #skip = 0;
  /** A frame head that is not whole yet. */
  readonly #head = Buffer.alloc(10);
  #headBytes = 0;

  take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
      } else if (this.#headBytes > 0 || chunk.length - at < 10) {
        this.#head[this.#headBytes++] = chunk[at++]!;
        if (this.#headBytes >= headLength(this.#head[1]!) && this.#headBytes >= 2) {
          this.#begin(this.#head, 0);
          this.#headBytes = 0;
        }
      } else at += this.#begin(chunk, at);
    }
  }

  /** Takes a whole head; its length. */
  #begin(buffer: Buffer, at: number): number {
    const short = buffer[at + 1]! & 0x7f;
    let length = short;
    if (short === 126) length = buffer.readUInt16BE(at + 2);
    else if (short === 127) length = Number(buffer.readBigUInt64BE(at + 2));
    this.#skip = length;
    const opcode = buffer[at]! & 0x0f;
    if (opcode === opcodes.text) {
      this.texts++;
      this.bytes += length;
    } else if (opcode === opcodes.ping) this.pings++;
    else if (opcode === opcodes.close) this.closed = true;
    return headLength(buffer[at + 1]!);
  }
}

const dataField = Buffer.from('data: {');

/** Messages of an event stream: what begins a message stands nowhere else in it, and no piece of the transfer divides one. */
export class MessageCounter {
  texts = 0;
  bytes = 0;
  readonly pings = 0;
  readonly closed = false;
  /** The end of what came last, which may have the beginning of a message. */
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    const text = Buffer.concat([this.#rest, chunk]);
    let at = text.indexOf(dataField);
    let end = 0;
    for (; at >= 0; at = text.indexOf(dataField, end)) {
      this.texts++;
      end = at + dataField.length;
    }
    this.#rest = Buffer.from(text.subarray(Math.max(end, text.length - dataField.length + 1)));
  }
}

function headLength(second: number): number {
  const short = second & 0x7f;
  if (short === 126) return 4;
  return short === 127 ? 10 : 2;
}
