/**
 * The log as a port: records without a gap, appended durably, read from a position on, trimmed from the beginning. It is the
 * truth of a store, the trees are its index. `KvLog` and `JournaledLog` are its adapters; one conformance suite holds both to it.
 */
import type { SealedBatch } from '../format/sealing.js';

/** Positions of the first and the last record. */
export interface LogEnds {
  readonly first: number;
  readonly last: number;
}

/** A record as it was appended, not yet looked at. */
export interface RawRecord {
  readonly position: number;
  readonly bytes: Buffer;
}

/** Which records, and in what order. */
export interface RecordRange {
  /** Inclusive; absent: from the first. */
  readonly from?: number;
  /** Exclusive; absent: to the last. */
  readonly to?: number;
  /** From the last to the first. */
  readonly reverse?: boolean;
}

/** The reading side. It shows what had been committed when its snapshot was taken; who owns the snapshot renews it. */
export interface LogSource {
  /** Undefined when the log is empty. */
  ends(): LogEnds | undefined;
  /** How many records the log says it has. Where it is damaged that may be another number than its ends tell. */
  size(): number;
  /** The record, as bytes of the caller's own; undefined when there is none at this position. */
  read(position: number): Buffer | undefined;
  records(range: RecordRange): Iterable<RawRecord>;
}

export interface RecordLog extends LogSource {
  /**
   * Makes the record durable, and with it what else its commit writes: all of it or nothing, and then it throws. Positions grow by
   * one with each.
   */
  append(batch: SealedBatch): void;
  /** The last record that a `LogSource` of the same store finds; those behind it were appended, and wait for a checkpoint. */
  readonly checkpointed: number;
  /** Brings what was appended to where a `LogSource` of the same store finds it. Throws when that cannot be now; nothing is lost. */
  checkpoint(): void;
  /**
   * Drops the first records, up to the last one of them for which `isOver` holds, and returns how many: one step, all of it or
   * nothing.
   *
   * @param before this record and those behind it stay
   * @param limit how many are looked at
   */
  trim(before: number, limit: number, isOver: (record: RawRecord) => boolean): number;
}
