/** WebSocket frames that are as they should be, and what can be done to them. */
import type { Random } from '../simulation/random.js';
import { mutateBytes, mutateJson, odd } from './mutations.js';

const messages: readonly unknown[] = [
  { action: 'subscribe' },
  { action: 'subscribe', filter: { job_types: ['noop'], event_types: ['job.completed', 'job.failed'], job_ids: [] } },
  { action: 'subscribe', filter: { job_ids: ['job_1704182400_a1b2c3d4'] }, since: 0 },
  { action: 'unsubscribe' },
  { action: 'ping' },
  { action: 'get_stats' },
];

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The reserved bits. */
  readonly rsv?: number;
  readonly masked?: boolean;
  /** The length that the frame claims to have; default: the true one. */
  readonly claims?: number;
  /** How the length is written; default: as short as it can be. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** A frame of RFC 6455, section 5.2. */
export function frame(payload: Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = opcodes.text, fin = true, rsv = 0, masked = true, claims = payload.length } = options;
  const size = options.lengthBytes ?? (claims < 126 ? 0 : claims < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + size);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (size === 0 ? claims & 0x7f : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(claims & 0xffff, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(claims), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4]!)]);
}

/** One input: what a client sends behind its handshake. */
export function wsInput(random: Random): Buffer {
  const frames = Array.from({ length: random.between(1, 6) }, () => anyFrame(random));
  let bytes: Buffer = Buffer.concat(frames.flat());
  while (random.chance(0.15)) bytes = mutateBytes(random, bytes);
  return bytes;
}

function anyFrame(random: Random): Buffer[] {
  const message = Buffer.from(
    random.weighted({ good: 3, changed: 5, odd: 1 }) === 'odd'
      ? odd(random)
      : random.chance(0.4)
        ? JSON.stringify(random.pick(messages))
        : mutateJson(random, random.pick(messages)),
  );
  switch (random.weighted({ plain: 6, bytes: 2, odd: 3, fragments: 2, control: 2, flood: 1 })) {
    case 'plain':
      return [frame(message)];
    case 'bytes':
      return [frame(mutateBytes(random, message))];
    case 'odd':
      return [
        frame(message, {
          opcode: random.between(0, 15),
          fin: random.chance(0.7),
          rsv: random.chance(0.3) ? random.between(1, 7) : 0,
          masked: random.chance(0.8),
          ...(random.chance(0.3) && { claims: random.pick([0, 125, 126, 65_535, 65_536, 70_000, 2 ** 31, 2 ** 53]) }),
          ...(random.chance(0.2) && { lengthBytes: random.pick([2, 8] as const) }),
        }),
      ];
    case 'fragments': {
      const at = random.between(0, message.length);
      const [first, rest] = [message.subarray(0, at), message.subarray(at)];
      const between = random.chance(0.3) ? [frame(Buffer.from('in between'), { opcode: opcodes.ping })] : [];
      const end = frame(rest, { opcode: opcodes.continuation, fin: random.chance(0.8) });
      return [frame(first, { fin: false }), ...between, end];
    }
    case 'control': {
      const opcode = random.pick([opcodes.close, opcodes.ping, opcodes.pong]);
      const payload = Buffer.from(Array.from({ length: random.between(0, 130) }, () => random.between(0, 255)));
      return [frame(payload, { opcode, fin: random.chance(0.9) })];
    }
    case 'flood':
      return Array.from({ length: random.between(50, 150) }, () => frame(message));
  }
}
