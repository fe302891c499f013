/** The reading side of the log: its records, one by one, and where it begins and ends. */

import { logKey } from '../format/layout.js';
import { LogRecordReader } from '../format/log-record.js';
import { keyPart } from '../format/numbers.js';
import type { KvReader } from '../kv/kv.js';

export class LogReader {
  readonly #kv: KvReader;

  constructor(kv: KvReader) {
    this.#kv = kv;
  }

  /** @throws DamagedRecord */
  record(position: number): LogRecordReader | undefined {
    const bytes = this.#kv.get('log', logKey(position));
    return bytes && new LogRecordReader(position, bytes);
  }

  /** First and last position that the log has; undefined when it is empty. */
  bounds(): { readonly first: number; readonly last: number } | undefined {
    const [first] = this.#kv.keys('log', { limit: 1 });
    const [last] = this.#kv.keys('log', { reverse: true, limit: 1 });
    return first && last ? { first: keyPart(first, 0), last: keyPart(last, 0) } : undefined;
  }

  /**
   * By a clock that has been set back since: when it had begun to be ahead of `now`, as far as `limit` records tell. Unix
   * milliseconds; undefined when the last record is not ahead.
   */
  aheadSince(now: number, limit = 10_000): number | undefined {
    let since: number | undefined;
    let position = this.bounds()?.last ?? 0;
    for (let looked = 0; looked < limit; looked++) {
      const record = this.record(position--);
      if (!record || record.at <= now) break;
      since = record.at;
    }
    return since;
  }
}
