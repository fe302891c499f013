/** The first block of a journal: what it is, in which version, its salt and its size. */
import { DamagedRecord, NewerRecord } from '../../port.js';
import { crc32 } from '../bytes.js';
import { getU32, putU32 } from '../numbers.js';
import { blockBytes, saltBytes } from './entry.js';

const version = 1;
const magic = Buffer.from('escapement journ');
/** u32 CRC-32 of all that follows, 16 bytes of magic, u8 version, salt, u32 blocks of the whole file. */
const head = { crc: 0, magic: 4, version: 20, salt: 21, blocks: 21 + saltBytes, bytes: 25 + saltBytes } as const;

/**
 * @param salt random, of `saltBytes`
 * @param blocks of the whole file
 */
export function journalHead(salt: Uint8Array, blocks: number, written: number = version): Buffer {
  const block = Buffer.alloc(blockBytes);
  magic.copy(block, head.magic);
  block[head.version] = written;
  block.set(salt, head.salt);
  putU32(block, head.blocks, blocks);
  putU32(block, head.crc, crc32(block.subarray(head.magic, head.bytes)));
  return block;
}

/** @throws DamagedRecord also when the journal is shorter than it was made; NewerRecord */
export function readJournalHead(journal: Buffer): { readonly salt: Buffer; readonly blocks: number } {
  const whole =
    journal.length >= blockBytes &&
    magic.equals(journal.subarray(head.magic, head.version)) &&
    getU32(journal, head.crc) === crc32(journal.subarray(head.magic, head.bytes));
  if (!whole) throw new DamagedRecord('the head of the journal');
  const found = journal[head.version] as number;
  if (found > version) throw new NewerRecord('the journal', { found, known: version });
  const blocks = getU32(journal, head.blocks);
  if (journal.length < blocks * blockBytes) throw new DamagedRecord('the journal', 'is cut off');
  return { salt: Buffer.from(journal.subarray(head.salt, head.blocks)), blocks };
}
