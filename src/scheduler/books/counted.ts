/**
 * What telemetry is told of decisions beside attempts. What is lost with its batch is decided again, or refused: so that it counts once,
 * it counts when it is on disk. These are rare beside attempts, and cost a closure each.
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

  /** A request whose key is taken changes nothing: it is refused, or answered with the job that there is. */
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
