/**
 * Where the server's log goes: a file descriptor that may be a pipe nobody reads, a full disk, or gone. It never holds up or
 * ends the server. Lines wait in bounded memory while one write is under way on a thread of libuv; what does not fit,
 * or is refused, is dropped and counted, and the count is reported as soon as something can be written again.
 */
import { constants, fstatSync, openSync, write as writeToFile } from 'node:fs';

/** `fs.write`, as far as it is used. */
export type Write = (
  fd: number,
  bytes: Buffer,
  offset: number,
  length: number,
  position: null,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

export interface LogDestinationOptions {
  readonly fd: number;
  /** Called when lines can be written again after `lines` were lost. */
  readonly onLost: (lines: number) => void;
  /** Bytes of lines that may wait; by default 1 MiB. */
  readonly maxWaitingBytes?: number;
  /** For tests. */
  readonly write?: Write;
}

const largestWrite = 64 * 1024;
const defaultWaitingBytes = 1024 * 1024;
/** A pipe that is full and does not block is tried again after this. */
const retryMs = 20;
/** At the end. */
const lookEveryMs = 5;

export class LogDestination {
  readonly #options: LogDestinationOptions;
  readonly #maxWaitingBytes: number;
  readonly #write: Write;
  readonly #fd: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** From the first try of a write to its end. */
  #busy = false;
  /** A thread is in the system call. */
  #inCall = false;
  /** The last write ended within a line. */
  #torn = false;
  #lost = 0;
  /** The line about the loss always fits: dropped like others, it would take the number with it. */
  #reporting = false;
  #ended = false;

  constructor(options: LogDestinationOptions) {
    this.#options = options;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? defaultWaitingBytes;
    this.#write = options.write ?? writeToFile;
    this.#fd = options.write ? options.fd : withoutBlocking(options.fd);
  }

  /** Takes one line with its end. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > this.#maxWaitingBytes && !this.#reporting) {
      this.#lost++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#next();
  }

  /**
   * Waits until all is written, up to `limitMs`; nothing more is written after that.
   *
   * @returns false when a write hangs: the end of the process would wait for it
   */
  async settled(limitMs: number): Promise<boolean> {
    await this.#within(limitMs, () => !this.#busy);
    this.#ended = true;
    // A call that only just began is not one that hangs.
    await this.#within(limitMs, () => !this.#inCall);
    return !this.#inCall;
  }

  async #within(limitMs: number, holds: () => boolean): Promise<void> {
    for (const end = performance.now() + limitMs; !holds() && performance.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }

  #next(): void {
    if (this.#busy) return;
    const bytes = this.#take();
    if (!bytes) return;
    this.#busy = true;
    this.#writeOut(bytes, 0);
  }

  /** What is written next: whole lines, up to `largestWrite` or a single longer one. */
  #take(): Buffer | undefined {
    if (this.#waiting.length === 0) return undefined;
    let count = 0;
    let size = 0;
    for (const line of this.#waiting) {
      if (count > 0 && size + line.length > largestWrite) break;
      size += line.length;
      count++;
    }
    const lines = this.#waiting.splice(0, count);
    this.#waitingBytes -= size;
    return Buffer.concat(this.#torn ? [Buffer.from('\n'), ...lines] : lines);
  }

  #writeOut(bytes: Buffer, from: number): void {
    if (this.#ended) return;
    this.#inCall = true;
    this.#write(this.#fd, bytes, from, bytes.length - from, null, (error, written) => {
      this.#inCall = false;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOut(bytes, from), retryMs);
        return;
      }
      const to = from + (error ? 0 : written);
      if (!error && to < bytes.length) {
        this.#writeOut(bytes, to);
        return;
      }
      if (error) this.#lost += linesIn(bytes.subarray(to));
      this.#torn = to > 0 ? bytes[to - 1] !== lineEnd : this.#torn;
      if (!error) this.#reportLoss();
      this.#busy = false;
      this.#next();
    });
  }

  #reportLoss(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#reporting = true;
    this.#options.onLost(lost);
    this.#reporting = false;
  }
}

/**
 * A descriptor of the same pipe or terminal that refuses a write where the given one would wait; the given one where there
 * is none. The given one is shared with other processes, whose writes must not begin to fail.
 */
function withoutBlocking(fd: number): number {
  try {
    const to = fstatSync(fd);
    if (!to.isFIFO() && !to.isCharacterDevice()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

const lineEnd = 0x0a;

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count++;
  return count;
}
