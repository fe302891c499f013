/** Telling damage from everything else that an error may be about. LMDB reports its own kinds of damage. */

/** What LMDB reports of pages that are not as it left them. */
const lmdbDamage = /^MDB_(CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH|INVALID|CURSOR_FULL|INCOMPATIBLE)\b/;

/** What is damaged, for a sentence that goes on to say where. */
export function damageReason(error: Error): string {
  return error.message.replace(/: the data directory is damaged$/, '');
}

/** Whether an error is about damage, and not of a disk that is full or broken. */
export function isDamage(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'DamagedRecord' || lmdbDamage.test(error.message));
}
