/**
 * What attempts say while they run here, of jobs whose shards have moved: their lines and their progress go to whoever owns the job by then,
 * who keeps them and tells those who listen. They are gathered for a moment. What cannot be told is lost, as it is where a node dies.
 */
import type { HandlerLine, ProgressReport } from '../../pool/port.js';

/** What one node tells another of attempts of the other's shard. Jobs have their numbers. */
export interface SayingsMessage {
  readonly shard: number;
  readonly lines: readonly HandlerLine[];
  /** The latest of each attempt. */
  readonly progress: readonly ProgressReport[];
}

export interface SayingsPorts {
  readonly shardOf: (jobSeq: number) => number;
  readonly deliver: (message: SayingsMessage) => Promise<void>;
  readonly later: (step: () => void) => void;
}

/** Lines of a shard that may wait; of more the rest is dropped. */
const mostLines = 1000;

interface Waiting {
  readonly lines: HandlerLine[];
  readonly progress: Map<number, ProgressReport>;
}

/** See the head of this file. */
export class Sayings {
  readonly #ports: SayingsPorts;
  readonly #waiting = new Map<number, Waiting>();

  constructor(ports: SayingsPorts) {
    this.#ports = ports;
  }

  lines(lines: readonly HandlerLine[]): void {
    for (const line of lines) {
      const { lines: waiting } = this.#of(line.jobSeq);
      if (waiting.length < mostLines) waiting.push(line);
    }
  }

  progress(reports: readonly ProgressReport[]): void {
    for (const report of reports) this.#of(report.jobSeq).progress.set(report.jobSeq, report);
  }

  #of(jobSeq: number): Waiting {
    const shard = this.#ports.shardOf(jobSeq);
    let waiting = this.#waiting.get(shard);
    if (waiting === undefined) {
      if (this.#waiting.size === 0) this.#ports.later(() => this.#tell());
      waiting = { lines: [], progress: new Map() };
      this.#waiting.set(shard, waiting);
    }
    return waiting;
  }

  #tell(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const [shard, { lines, progress }] of all)
      this.#ports.deliver({ shard, lines, progress: [...progress.values()] }).catch(() => {});
  }
}
