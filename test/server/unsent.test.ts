/** Answers that their clients do not read: what is kept of them, and how much in all. */

import type { HttpResponse } from 'uWebSockets.js';
import t from 'tap';
import { limits } from '../../src/domain/limits.js';
import { UnsentAnswers } from '../../src/server/uws/unsent.js';

/** A response whose client takes so many bytes at a time. */
class FakeResponse {
  readonly taken: Buffer[] = [];
  offset = 0;
  aborted: (() => void) | undefined;
  writable: ((offset: number) => boolean) | undefined;
  room = 0;

  tryEnd(chunk: string | Buffer, total: number): [boolean, boolean] {
    const bytes = Buffer.from(chunk as string).subarray(0, this.room);
    this.taken.push(bytes);
    this.offset += bytes.length;
    this.room = 0;
    return [this.offset === total, this.offset === total];
  }
  getWriteOffset(): number {
    return this.offset;
  }
  onAborted(call: () => void): this {
    this.aborted = call;
    return this;
  }
  onWritable(call: (offset: number) => boolean): this {
    this.writable = call;
    return this;
  }
  /** The client reads. */
  reads(bytes: number): boolean | undefined {
    this.room = bytes;
    return this.writable?.(this.offset);
  }
}

const taking = (room: number): FakeResponse => Object.assign(new FakeResponse(), { room });
const native = (res: FakeResponse): HttpResponse => res as unknown as HttpResponse;

t.test('what is not taken at once goes out as it is read, whatever becomes of the memory it came in', async (t) => {
  for (const text of ['0123456789', 'äöü€😀-äöü€😀']) {
    const whole = Buffer.from(text);
    for (const body of [text, Buffer.from(whole)]) {
      const unsent = new UnsentAnswers();
      const res = taking(4);
      t.ok(unsent.send(native(res), body));
      t.equal(unsent.bytes, whole.length - 4);
      if (typeof body !== 'string') body.fill(0);
      t.equal(res.reads(3), false, 'there is more');
      t.equal(res.reads(100), true, 'that was all');
      t.equal(Buffer.concat(res.taken).toString(), text);
      t.equal(unsent.bytes, 0);
    }
  }
});

t.test('nothing is kept of what is taken at once, or of who has gone', async (t) => {
  const unsent = new UnsentAnswers();
  t.ok(unsent.send(native(taking(100)), 'all of it'));
  t.equal(unsent.bytes, 0);
  const res = taking(0);
  t.ok(unsent.send(native(res), 'none of it'));
  t.equal(unsent.bytes, 10);
  res.aborted?.();
  t.equal(unsent.bytes, 0);
});

t.test('no more than the bound is kept for all together', async (t) => {
  const unsent = new UnsentAnswers();
  const large = Buffer.alloc(limits.unsentBytes / 4);
  const kept = Array.from({ length: 4 }, () => taking(0));
  for (const res of kept) t.ok(unsent.send(native(res), large));
  t.equal(unsent.send(native(taking(0)), 'x'), false, 'there is no room');
  t.ok(unsent.send(native(taking(1)), 'x'), 'who reads is served all the same');
  kept[0]?.aborted?.();
  t.ok(unsent.send(native(taking(0)), large), 'there is room again');
});
