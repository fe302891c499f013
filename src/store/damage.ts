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
