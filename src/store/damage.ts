/** Damage: what is on disk is not what was written. It is told, and never answered as if whole. */
import { Refusal } from '../domain/errors.js';
import type { Logger } from '../log.js';

/** One record is not what was written, or is not there. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord';
  constructor(
    readonly what: string,
    readonly how = 'does not match its checksum',
  ) {
    super(`${what} ${how}: the data directory is damaged`);
  }
}

/** What is answered to a request that meets damage. */
export function damagedRefusal(): Refusal {
  return new Refusal('internal_error', 'A record that this needs is damaged; the server log says more.');
}

/** What LMDB reports of pages that are not as it left them. */
const lmdbDamage = /^MDB_(CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH|INVALID|CURSOR_FULL|INCOMPATIBLE)\b/;

/** What is damaged, for a sentence that goes on to say where. */
export function damageReason(error: Error): string {
  return error.message.replace(/: the data directory is damaged$/, '');
}

/** Whether an error tells of damage, and not of a disk that is full or broken. */
export function isDamage(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'DamagedRecord' || lmdbDamage.test(error.message));
}

/** Of so many damaged records it is told one by one. */
const mostTold = 1000;

/** Tells of each damaged record once, however often it is met, so that a client that asks again does not fill the log. */
export class DamageReports {
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param meaning what becomes of it */
  tell(error: DamagedRecord, meaning: string, fields: object = {}): void {
    if (this.#told.size > mostTold || this.#told.has(error.message)) return;
    this.#told.add(error.message);
    if (this.#told.size > mostTold) this.#log.error('more is damaged than is told here: run "escapement check"');
    else this.#log.error({ ...fields, reason: error.message }, meaning);
  }
}
