/** The log as a tree of the key-value store that has the index too: an append and what its commit adds there are one transaction. */
import { logKey, positionOfKey, seqOfKey, specKey } from '../format/layout.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Kv, KvReader, KvWriter } from '../kv/kv.js';
import type { LogEnds, LogSource, RawRecord, RecordLog, RecordRange } from './record-log.js';

/** Reads the log of a store that somebody else may be writing to. */
export class KvLogSource implements LogSource {
  readonly #kv: KvReader;

  constructor(kv: KvReader) {
    this.#kv = kv;
  }

  ends(): LogEnds | undefined {
    const [first] = this.#kv.keys('log', { limit: 1 });
    const [last] = this.#kv.keys('log', { reverse: true, limit: 1 });
    return first && last ? { first: positionOfKey(first), last: positionOfKey(last) } : undefined;
  }

  size(): number {
    return this.#kv.size('log');
  }

  read(position: number): Buffer | undefined {
    return this.#kv.get('log', logKey(position));
  }

  *records({ from, to, reverse = false }: RecordRange): Iterable<RawRecord> {
    const range = { ...(from !== undefined && { from: logKey(from) }), ...(to !== undefined && { to: logKey(to) }) };
    for (const { key, value } of this.#kv.entries('log', { ...range, reverse })) {
      yield { position: positionOfKey(key), bytes: value };
    }
  }
}

export class KvLog extends KvLogSource implements RecordLog {
  readonly #kv: Kv;
  /** `seq` of the last spec: those behind it are appended to their tree, which costs less than finding their place. */
  #lastSpec: number;
  #last: number;

  constructor(kv: Kv) {
    super(kv);
    this.#kv = kv;
    const [last] = kv.keys('specs', { reverse: true, limit: 1 });
    this.#lastSpec = last ? seqOfKey(last) : 0;
    this.#last = this.ends()?.last ?? 0;
  }

  append(batch: SealedBatch): void {
    this.appendAll([batch]);
  }

  /** Appends batches that follow each other: all of them or none. */
  appendAll(batches: readonly SealedBatch[]): void {
    let lastSpec = this.#lastSpec;
    this.#kv.transact((tx) => {
      for (const batch of batches) lastSpec = putBatch(tx, batch, lastSpec);
    });
    this.#lastSpec = lastSpec;
    this.#last = batches.at(-1)?.position ?? this.#last;
  }

  get checkpointed(): number {
    return this.#last;
  }

  /** All that was appended is here already. */
  checkpoint(): void {}

  trim(before: number, limit: number, isOver: (record: RawRecord) => boolean): number {
    return this.#kv.transact((tx) => {
      const oldest = [...tx.entries('log', { to: logKey(before), limit })];
      const over = oldest.findLastIndex(({ key, value }) => isOver({ position: positionOfKey(key), bytes: value })) + 1;
      for (const { key } of oldest.slice(0, over)) tx.remove('log', key);
      return over;
    });
  }
}

/** @param lastSpec the largest key of a spec that there is. Returns that after the batch */
export function putBatch(
  tx: KvWriter,
  { position, buffer, recordBytes, specs, puts }: SealedBatch,
  lastSpec: number,
): number {
  const bytes = Buffer.from(buffer);
  tx.put('log', logKey(position), bytes.subarray(0, recordBytes), true);
  let last = lastSpec;
  for (let i = 0; i < specs.length; i += 3) {
    const seq = specs[i] as number;
    const from = specs[i + 1] as number;
    tx.put('specs', specKey(seq), bytes.subarray(from, from + (specs[i + 2] as number)), seq > last);
    last = Math.max(last, seq);
  }
  for (const { tree, key, value } of puts) {
    if (value) tx.put(tree, key, value);
    else tx.remove(tree, key);
  }
  return last;
}
