/** Telling damage from everything else that an error may be about. LMDB reports its own kinds of damage. */

/** What LMDB, and lmdb-js, report of pages that are not as they left them. */
const lmdbDamage = [
  /^MDB_(CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH|INVALID|CURSOR_FULL|INCOMPATIBLE)\b/,
  // By itself it may also follow a write that found no room.
  /^MDB_BAD_TXN: .*: (Invalid dupdata flag|.*freelist)/,
  /^Invalid key size /,
];

/** What is damaged, for a sentence that goes on to say where. */
export function damageReason(error: Error): string {
  return error.message.replace(/: the data directory is damaged$/, '');
}

/** Whether an error is about damage, and not of a disk that is full or broken. */
export function isDamage(error: unknown): error is Error {
  return (
    error instanceof Error && (error.name === 'DamagedRecord' || lmdbDamage.some((told) => told.test(error.message)))
  );
}
