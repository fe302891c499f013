/**
 * Counts decisions that are not about attempts, for telemetry. A decision counts when it is on disk: one that is lost with its batch is
 * made again or refused, and must not count twice. Each costs a closure, which is little, since these decisions are rare.
 */
import type { BulkAction } from '../../domain/control/bulk.js';
import type { Decision } from '../../domain/decisions.js';
import type { BulkOutcome, Telemetry } from '../../telemetry/port.js';

/** See the head of this file. */
export class Counted {
  readonly #telemetry: Telemetry;
  readonly #onWritten: (then: () => void) => void;

  /** @param onWritten calls back when the batch that is gathered is on disk */
  constructor(telemetry: Telemetry, onWritten: (then: () => void) => void) {
    this.#telemetry = telemetry;
    this.#onWritten = onWritten;
  }

  /** Runs of a job of a type that a decision passes over, or that fail for good by it. */
  runs(type: string, { passed = [], counts, detail }: Decision): void {
    const code = counts === 'failed' ? detail?.lastError?.code : undefined;
    this.#onWritten(() => {
      for (const { outcome, count } of passed) this.#telemetry.runsPassedOver(type, outcome, count);
      if (code !== undefined) this.#telemetry.runFailed(type, code);
    });
  }

  /** A request has a key that is taken. It changes nothing: it is refused, or the answer is the job that has the key. */
  keyKept(type: string, outcome: 'rejected' | 'returned'): void {
    this.#telemetry.keyTaken(type, outcome);
  }

  /** A request whose key is taken has its way. */
  keyReplaced(type: string): void {
    this.#onWritten(() => this.#telemetry.keyTaken(type, 'replaced'));
  }

  /** Attempts make a job of a type. */
  enqueued(type: string): void {
    this.#onWritten(() => this.#telemetry.jobsEnqueued(type, 1));
  }

  /** A slice of a bulk action. */
  bulk(action: BulkAction, jobs: Readonly<Record<BulkOutcome, number>>): void {
    this.#onWritten(() => {
      for (const [outcome, count] of Object.entries(jobs) as [BulkOutcome, number][])
        if (count > 0) this.#telemetry.bulkActed(action, outcome, count);
    });
  }
}
