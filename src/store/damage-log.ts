/** Damage: what is on disk is not what was written. It is logged, and never answered as if whole. */
import type { Logger } from '../log.js';
import type { DamageReports, UnreadableRecord } from './port.js';

/** So many damaged records are logged one by one. */
const mostLogged = 1000;

/** Logs each damaged record once, however often it is met, so that a client that asks again does not fill the log. */
export class DamageLog implements DamageReports {
  readonly #log: Logger;
  readonly #logged = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  report(error: UnreadableRecord, meaning: string, fields: object = {}): void {
    if (this.#logged.size > mostLogged || this.#logged.has(error.message)) return;
    this.#logged.add(error.message);
    if (this.#logged.size > mostLogged) this.#log.error('more is damaged than is logged here: run "escapement check"');
    else this.#log.error({ ...fields, reason: error.message }, meaning);
  }
}
