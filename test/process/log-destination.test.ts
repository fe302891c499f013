import t from 'tap';
import { LogDestination, type Write } from '../../src/process/log-destination.js';

/** A descriptor of which each write ends as the test says. */
class Descriptor {
  readonly offered: string[] = [];
  #calls: { bytes: Buffer; done: Parameters<Write>[5] }[] = [];

  readonly write: Write = (_fd, bytes, offset, length, _position, done) => {
    this.offered.push(bytes.toString('utf8', offset, offset + length));
    this.#calls.push({ bytes: bytes.subarray(offset, offset + length), done });
  };

  /** Takes all that the write under way offers, or so many bytes of it. */
  take(bytes?: number): void {
    const call = this.#calls.shift()!;
    call.done(null, bytes ?? call.bytes.length);
  }

  refuse(code: string): void {
    this.#calls.shift()!.done(Object.assign(new Error(code), { code }), 0);
  }
}

function make(maxWaitingBytes?: number) {
  const descriptor = new Descriptor();
  const losses: number[] = [];
  const destination = new LogDestination({
    fd: 1,
    write: descriptor.write,
    onLost: (lines) => losses.push(lines),
    ...(maxWaitingBytes !== undefined && { maxWaitingBytes }),
  });
  return { descriptor, losses, destination };
}

t.test('lines go out in order, those that wait together', (t) => {
  const { descriptor, destination } = make();
  for (const line of ['a\n', 'b\n', 'c\n']) destination.write(line);
  t.same(descriptor.offered, ['a\n']);
  descriptor.take();
  t.same(descriptor.offered, ['a\n', 'b\nc\n']);
  descriptor.take();
  t.equal(descriptor.offered.length, 2);
  t.end();
});

t.test('a short write goes on with the rest', (t) => {
  const { descriptor, destination, losses } = make();
  destination.write('abcdef\n');
  descriptor.take(3);
  t.equal(descriptor.offered[1], 'def\n');
  descriptor.take();
  t.same(losses, []);
  t.end();
});

t.test('the line about the loss fits where no other does', (t) => {
  const descriptor = new Descriptor();
  const destination: LogDestination = new LogDestination({
    fd: 1,
    write: descriptor.write,
    onLost: (lines) => destination.write(`lost ${lines}\n`),
    maxWaitingBytes: 8,
  });
  for (const line of ['1234567\n', '7654321\n', 'a\n', 'b\n']) destination.write(line);
  descriptor.take();
  t.same(descriptor.offered, ['1234567\n', '7654321\nlost 2\n'], 'with the number of all');
  t.end();
});

t.test('what does not fit while a write hangs is dropped, counted and reported when it gets on', (t) => {
  const { descriptor, destination, losses } = make(8);
  for (const line of ['1234567\n', 'a\n', '7654321\n', 'b\n', 'c\n', 'd\n', 'e\n']) destination.write(line);
  t.same(descriptor.offered, ['1234567\n'], 'the one under way does not count as waiting');
  descriptor.take();
  t.equal(descriptor.offered[1], 'a\nb\nc\nd\n');
  t.same(losses, [2]);
  descriptor.take();
  t.same(losses, [2], 'once');
  t.end();
});

t.test('what is refused is counted, and a line that was torn gets its end', (t) => {
  const { descriptor, destination, losses } = make();
  destination.write('first\n');
  destination.write('second\n');
  destination.write('third\n');
  descriptor.take();
  descriptor.take(3);
  descriptor.refuse('ENOSPC');
  t.same(losses, [], 'nothing can be reported yet');
  destination.write('fourth\n');
  t.equal(descriptor.offered.at(-1), '\nfourth\n');
  descriptor.take();
  t.same(losses, [2]);
  t.end();
});

t.test('a descriptor that would block is tried again', async (t) => {
  const { descriptor, destination, losses } = make();
  destination.write('line\n');
  descriptor.refuse('EAGAIN');
  while (descriptor.offered.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const settled = destination.settled(60_000);
  descriptor.take();
  t.ok(await settled);
  t.same(losses, []);
});

t.test('at the end, a write that hangs is told from a descriptor that refuses', async (t) => {
  const hanging = make();
  hanging.destination.write('line\n');
  t.notOk(await hanging.destination.settled(10));

  const refusing = make();
  refusing.destination.write('line\n');
  refusing.descriptor.refuse('EAGAIN');
  t.ok(await refusing.destination.settled(0));
  t.equal(refusing.descriptor.offered.length, 1, 'it is not tried again');
});
