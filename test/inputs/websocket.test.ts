/**
 * WebSocket input below and above the frames. Bad messages with their answers are in test/conformance/websocket.test.ts,
 * as are the flood, `--max-connections` and the third bad message in a row; here every frame is made by hand.
 */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { type FrameOptions, frame } from '../fuzz/ws-input.js';
import { serve } from '../server/fixture.js';
import { rawRequest } from '../support/client.js';
import { Subscriber } from '../support/ws.js';
import { firstAnswer, Ground } from './ground.js';

t.setTimeout(90_000);
const ground = await Ground.open();
const { server } = ground;
const upgrade = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};
const ping = Buffer.from('{"action":"ping"}');

/** A connection whose frames are made by hand. */
class Wire {
  read = Buffer.alloc(0);
  closed = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (part: Buffer) => {
      this.read = Buffer.concat([this.read, part]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(): Promise<Wire> {
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    const wire = new Wire(socket);
    socket.write(rawRequest('GET', '/ws', upgrade));
    await wire.until(() => wire.read.includes('\r\n\r\n'), 'no handshake');
    if (!/^HTTP\/1\.1 101 /.test(String(wire.read))) throw new Error(String(wire.read));
    wire.read = wire.read.subarray(wire.read.indexOf('\r\n\r\n') + 4);
    return wire;
  }

  write(...frames: Buffer[]): void {
    for (const one of frames) if (this.#socket.writable) this.#socket.write(one);
  }

  /** The code of the close frame that came last, if one did. */
  get code(): number | undefined {
    const at = this.read.lastIndexOf(0x88);
    return at < 0 || this.read.length < at + 4 ? undefined : this.read.readUInt16BE(at + 2);
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (let waited = 0; !condition(); waited += 10) {
      if (waited > 10_000) throw new Error(`${what}: ${this.read.toString('latin1').slice(-200)}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

t.test('frames that are not allowed → closed', async (t) => {
  const text = (payload: string | Buffer, options: FrameOptions = {}) => frame(Buffer.from(payload), options);
  const endless = Array.from({ length: 200 }, (_, at) =>
    text('x'.repeat(1000), { fin: false, opcode: at === 0 ? 1 : 0 }),
  );
  const inputs: [what: string, frames: Buffer[], code?: number][] = [
    ['binary', [frame(ping, { opcode: 2 })], 1003],
    ['binary in fragments', [frame(ping, { opcode: 2, fin: false }), frame(ping, { opcode: 0 })], 1003],
    ['over 64 KiB', [text('x'.repeat(64 * 1024 + 1))]],
    ['over 64 KiB, only announced', [text('', { claims: 64 * 1024 + 1 })]],
    ['2^53 bytes announced', [text('', { claims: 2 ** 53, lengthBytes: 8 })]],
    ['over 64 KiB in fragments', [text('x'.repeat(60_000), { fin: false }), text('x'.repeat(60_000), { opcode: 0 })]],
    ['fragments without end', endless],
    ['a continuation of nothing', [frame(ping, { opcode: 0 })]],
    ['a second beginning', [frame(ping, { fin: false }), frame(ping)]],
    ['reserved bits', [frame(ping, { rsv: 4 })]],
    ['an unknown kind of data', [frame(ping, { opcode: 3 })]],
    ['an unknown kind of control', [frame(ping, { opcode: 11 })]],
    ['a fragmented ping', [frame(ping, { opcode: 9, fin: false })]],
    ['a ping of 126 bytes', [frame(Buffer.alloc(126), { opcode: 9 })]],
    ['bad UTF-8', [text(Buffer.from([0x22, 0xff, 0x22]))]],
    ['bad UTF-8 over two fragments', [text(Buffer.from([0xe2, 0x82]), { fin: false }), text('x', { opcode: 0 })]],
    ['half a surrogate pair', [text(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))]],
    ['an overlong character', [text(Buffer.from([0x22, 0xc0, 0xaf, 0x22]))]],
    ['a close frame of one byte', [frame(Buffer.from([3]), { opcode: 8 })]],
    ['a close frame with a code that may not be sent', [frame(Buffer.from([3, 0xed]), { opcode: 8 })]],
    ['a close frame with bad UTF-8', [frame(Buffer.from([3, 0xe8, 0xff]), { opcode: 8 })]],
    ['an ordinary close frame', [frame(Buffer.from([3, 0xe8]), { opcode: 8 })], 1000],
    ['101 messages at once', Array.from({ length: 101 }, () => frame(ping)), 1008],
    ['three bad messages', [text('{'), text('[]'), text('{"action":"dance"}')], 1008],
    ['three messages of NUL', [text('\0'), text('\0'), text('\0')], 1008],
  ];
  for (const [what, frames, code] of inputs) {
    const wire = await Wire.open();
    wire.write(...frames);
    await wire.until(() => wire.closed, `${what}: not closed`);
    if (code !== undefined) t.equal(wire.code, code, `${what}: ${code}`);
    t.notMatch(wire.read.toString('latin1'), /internal_error|node_modules|\n\s+at /, what);
  }
});

t.test('frames that are unusual, and allowed → answered', async (t) => {
  const [head, tail] = [ping.subarray(0, 5), ping.subarray(5)];
  const inputs: [what: string, frames: Buffer[]][] = [
    ['fragments', [frame(head, { fin: false }), frame(tail, { opcode: 0 })]],
    [
      'fragments of one byte',
      [...ping].map((byte, at) =>
        frame(Buffer.from([byte]), { opcode: at === 0 ? 1 : 0, fin: at === ping.length - 1 }),
      ),
    ],
    [
      'a ping between fragments',
      [frame(head, { fin: false }), frame(Buffer.from('?'), { opcode: 9 }), frame(tail, { opcode: 0 })],
    ],
    ['empty fragments', [frame(Buffer.alloc(0), { fin: false }), frame(ping, { opcode: 0 })]],
    ['an unasked pong', [frame(Buffer.from('!'), { opcode: 10 }), frame(ping)]],
    ['64 KiB of white space around it', [frame(Buffer.from(`${' '.repeat(64 * 1024 - ping.length)}${ping}`))]],
    ['escapes', [frame(Buffer.from('{"\\u0061ction":"pin\\u0067"}'))]],
  ];
  for (const [what, frames] of inputs) {
    const wire = await Wire.open();
    for (const byte of Buffer.concat(frames).length < 200 ? Buffer.concat(frames) : []) wire.write(Buffer.from([byte]));
    if (Buffer.concat(frames).length >= 200) wire.write(...frames);
    await wire.until(() => wire.read.includes('"pong"'), what);
    t.notOk(wire.closed, what);
    wire.end();
  }
});

t.test('messages that are refused → an error, and the subscription stays', async (t) => {
  const subscribe = (filter: unknown, more: object = {}) => JSON.stringify({ action: 'subscribe', filter, ...more });
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `job_${i}`);
  const inputs: [message: string, code: string][] = [
    ...['', ' ', '{', '{}x', "{'action':'ping'}", 'NaN', '\ufeff{"action":"ping"}', '{"action":"ping",}', '\0'].map(
      (text) => [text, 'malformed_json'] as [string, string],
    ),
    ...[
      ...['null', '[]', '"ping"', '5', 'true', '{}', '[{"action":"ping"}]', '{"action":null}', '{"action":["ping"]}'],
      ...['{"action":"Ping"}', '{"action":"__proto__"}', '{"action":"constructor"}', '{"action":"ping","x":1}'],
      ...['{"action":"ping","__proto__":{}}', '{"action":"unsubscribe","filter":{}}'],
      ...[null, [], 'noop', 5, { bogus: [] }, { constructor: [] }].map((filter) => subscribe(filter)),
      ...[null, 'noop', {}, 5, [5], [null], [[]], [''], ['*'], ['a/b'], ['n'.repeat(129)]].map((job_types) =>
        subscribe({ job_types }),
      ),
      ...[null, 'job.failed', ['job.exploded'], ['JOB.FAILED'], ['*'], [5], ['__proto__']].map((event_types) =>
        subscribe({ event_types }),
      ),
      ...[null, 'job_x', [5], [{}], ['x'.repeat(129)], ids(1001)].map((job_ids) => subscribe({ job_ids })),
      subscribe({ job_types: ids(1001), event_types: ['job.started', 'job.failed'] }),
      ...[-1, 1.5, '0', null, 1e300, [], 999_999].map((since) => subscribe({}, { since })),
    ].map((text) => [text, 'validation_failed'] as [string, string]),
  ];
  const subscriber = await Subscriber.to(server, { job_types: ['echo'] });
  for (const [at, [message, code]] of inputs.entries()) {
    const error = await subscriber.ask(message, 'error');
    t.match(error, { type: 'error', code, message: String }, message.slice(0, 60));
    t.same(Object.keys(error).sort(), ['code', 'message', 'type']);
    t.ok(String(error.message).length < 400, 'an answer is no echo');
    // Two bad ones in a row are forgiven, the third is not.
    if (at % 2 === 1) await subscriber.settle();
  }
  await subscriber.settle();
  const { id } = await ground.api.create({ name: 'echo', delay: '0s' });
  ground.made += 1;
  await subscriber.event(id, 'job.completed');
  t.same(subscriber.types(), ['job.scheduled', 'job.started', 'job.completed'], 'its filter is as before');
  await subscriber.close();
});

t.test('what is no upgrade → refused', async (t) => {
  const { 'Sec-WebSocket-Key': _, ...noKey } = upgrade;
  const inputs: [what: string, request: string, status: number][] = [
    ['GET', rawRequest('GET', '/ws'), 400],
    ['version 8', rawRequest('GET', '/ws', { ...upgrade, 'Sec-WebSocket-Version': '8' }), 400],
    ['no version', rawRequest('GET', '/ws', { ...upgrade, 'Sec-WebSocket-Version': '' }), 400],
    ['no key', rawRequest('GET', '/ws', noKey), 400],
    ['POST', rawRequest('POST', '/ws', { ...upgrade, 'Content-Length': '0' }), 405],
    ['another path', rawRequest('GET', '/ws/x', upgrade), 404],
    ['the API', rawRequest('GET', '/api/v1/nowhere', upgrade), 404],
    ['another host', rawRequest('GET', '/ws', { ...upgrade, Host: 'evil.example' }), 421],
    ['another origin', rawRequest('GET', '/ws', { ...upgrade, Origin: 'http://evil.example' }), 403],
  ];
  for (const [what, request, status] of inputs) {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('error', () => undefined);
    await new Promise<void>((done) => {
      socket.on('data', (part) => {
        text += part;
        if (text.endsWith('}') || /^HTTP\/1\.1 101/.test(text)) done();
      });
      socket.on('close', () => done());
    });
    socket.destroy();
    const answer = firstAnswer({ text, statuses: [], closed: true });
    t.equal(answer.status, status, `${what}: ${text.slice(0, 60)}`);
    t.match(answer.headers['content-type'], /^application\/problem\+json/, what);
  }
});

t.test('who does not answer a ping is closed, who does is not', async (t) => {
  const { port } = await serve({}, { subscriberBounds: { idleTimeoutSeconds: 8 } });
  const [deaf, silent] = [await Subscriber.connect({ port }, { autoPong: false }), await Subscriber.connect({ port })];
  const begun = performance.now();
  await deaf.closed;
  t.ok(performance.now() - begun > 4000, 'not at once');
  await silent.settle();
  t.pass('the other one lives');
  await silent.close();
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
