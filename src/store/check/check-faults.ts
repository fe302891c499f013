/**
 * What a check finds, one line each: what is wrong, and what that means for whoever uses the store. Of each kind only the
 * first few are reported; of the others there may be a million.
 */

import { UnreadableRecord } from '../port.js';

/** What each kind of fault means. */
const meanings = {
  facts: 'the server does not start on this directory',
  log: 'the server does not start when it needs the record, and the events in it cannot be sent again',
  history: 'totals or events were or will be reported wrongly',
  type: 'its jobs can be neither run nor shown',
  count: 'jobs are lost, or come back, and the server does not start',
  page: 'these jobs can be neither run nor shown',
  state: 'what is known of the job is not what happened to it',
  spec: 'the job can be neither run nor shown',
  detail: 'the job cannot be shown',
  due: 'the server stops when it comes to read this',
  unfound: 'the job will not run at its time',
  set: 'lists and totals are wrong',
  finished: 'retention will not remove it',
  key: 'a request that is sent again may make a second job',
  bulk: 'what was asked for is not done with all of these jobs',
  label: 'lists that look for it do not show it, or show it where it does not belong',
  jobKey: 'there may be two jobs with one key, or none can be made with it',
  run: 'what became of its attempts is shown wrongly, or not at all',
  jobLog: 'lines of its handler are shown wrongly, or not at all',
  left: 'it only takes room',
  unreadable: 'the rest of this tree was not checked',
} as const;

export type FaultKind = keyof typeof meanings;

/** Lines of one kind that are reported in full. */
const reportedOfKind = 20;

export class CheckFaults {
  readonly #report: (line: string) => void;
  readonly #failed: () => void;
  readonly #counts = new Map<FaultKind, number>();

  /**
   * @param report is called with each line
   * @param failed is called when something cannot be read at all
   */
  constructor(report: (line: string) => void, failed: () => void = () => {}) {
    this.#report = report;
    this.#failed = failed;
  }

  get count(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }

  /** @param what a clause without a full stop, naming the place */
  add(kind: FaultKind, what: string): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= reportedOfKind) this.#report(`${what}: ${meanings[kind]}`);
  }

  /** Runs `read`, which reads `what`; what it throws is a fault, and the value is undefined then. */
  try<T>(kind: FaultKind, what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof UnreadableRecord) {
        this.add(kind, `${what} ${error.how}`);
      } else {
        this.#failed();
        this.add(kind, `${what} cannot be read (${error instanceof Error ? error.message : String(error)})`);
      }
      return undefined;
    }
  }

  /** Reports how many were left out. Call at the end. */
  finish(): void {
    for (const [kind, count] of this.#counts) {
      if (count > reportedOfKind) this.#report(`and ${count - reportedOfKind} more of this kind: ${meanings[kind]}`);
    }
  }
}
