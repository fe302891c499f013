/**
 * What attempts say while they run here, of jobs whose shards have moved, and what a shard had of their lines when it was given away: it goes to
 * whoever owns the job by then, who keeps it and tells those who listen. It is gathered for a moment, and told again until the owner has
 * taken it. Lines have the numbers that they have in their run, so what comes twice is there once. A node that dies takes along what it
 * has not told.
 */
import type { HandlerLine, ProgressReport } from '../../pool/port.js';
import type { RunLines } from '../../store/state/job-logs.js';

/** A line with its time, Unix milliseconds, and its number in its run; one that counts lines that were dropped has that of the first. */
export type NumberedLine = HandlerLine & { readonly at: number; readonly n: number };

/** What one node tells another of attempts of the other's shard. Jobs have their numbers. */
export interface SayingsMessage {
  readonly shard: number;
  /** They are to be kept. Those who listen have heard them. */
  readonly handed: readonly RunLines[];
  readonly lines: readonly NumberedLine[];
  /** The latest of each attempt. */
  readonly progress: readonly ProgressReport[];
}

export interface SayingsPorts {
  readonly shardOf: (jobSeq: number) => number;
  /** Resolves false, or rejects, where nobody has taken it, or that is not known. */
  readonly deliver: (message: SayingsMessage) => Promise<boolean>;
  /** Resolves after a moment. What attempts say meanwhile goes in one message, and what was not taken is sent again. */
  readonly pause: () => Promise<void>;
}

/** Lines of a shard that may wait, and what they may take; of more the oldest go. */
const mostLines = 1000;
const mostBytes = 1024 * 1024;

class OfShard {
  handed: RunLines[] = [];
  lines: NumberedLine[] = [];
  progress = new Map<number, ProgressReport>();
  bytes = 0;
  /** Settled when what is being told has been taken, or not. */
  telling: Promise<void> | undefined;

  get isEmpty(): boolean {
    return this.handed.length === 0 && this.lines.length === 0 && this.progress.size === 0;
  }

  add(line: NumberedLine): void {
    this.lines.push(line);
    this.bytes += sizeOf(line);
    while (this.lines.length > mostLines || (this.bytes > mostBytes && this.lines.length > 1))
      this.bytes -= sizeOf(this.lines.shift() as NumberedLine);
  }

  forget({ handed, lines, progress }: SayingsMessage): void {
    const [taken, told] = [new Set(handed), new Set(lines)];
    this.handed = this.handed.filter((each) => !taken.has(each));
    this.lines = this.lines.filter((each) => !told.has(each));
    this.bytes = this.lines.reduce((sum, line) => sum + sizeOf(line), 0);
    for (const report of progress) if (this.progress.get(report.jobSeq) === report) this.progress.delete(report.jobSeq);
  }
}

/** See the head of this file. */
export class Sayings {
  readonly #ports: SayingsPorts;
  readonly #shards = new Map<number, OfShard>();
  #isOver = false;
  #empty: (() => void)[] = [];

  constructor(ports: SayingsPorts) {
    this.#ports = ports;
  }

  /** All that was said was taken. */
  get isEmpty(): boolean {
    return this.#shards.size === 0;
  }

  /** Resolves when the owners have taken all that attempts said. */
  async told(): Promise<void> {
    while (!this.isEmpty && !this.#isOver) await new Promise<void>((resolve) => this.#empty.push(resolve));
  }

  /** What a shard had that was given away, beside what is on record. */
  hand(shard: number, handed: readonly RunLines[]): void {
    if (handed.length > 0) this.#of(shard).handed.push(...handed);
  }

  lines(lines: readonly NumberedLine[]): void {
    for (const line of lines) this.#of(this.#ports.shardOf(line.jobSeq)).add(line);
  }

  progress(reports: readonly ProgressReport[]): void {
    for (const report of reports) this.#of(this.#ports.shardOf(report.jobSeq)).progress.set(report.jobSeq, report);
  }

  /** Tells at once what waits for the owner of a shard. Resolves when that has been tried. */
  async tell(shard: number): Promise<void> {
    const own = this.#shards.get(shard);
    if (own === undefined || this.#isOver) return;
    await own.telling;
    own.telling ??= this.#deliver(shard, own).finally(() => {
      own.telling = undefined;
    });
    await own.telling;
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isOver = true;
    this.#shards.clear();
    this.#noteEmpty();
  }

  #of(shard: number): OfShard {
    let own = this.#shards.get(shard);
    if (own === undefined) {
      own = new OfShard();
      this.#shards.set(shard, own);
      void this.#tellAll(shard, own);
    }
    return own;
  }

  async #tellAll(shard: number, own: OfShard): Promise<void> {
    while (this.#shards.get(shard) === own) {
      await this.#ports.pause();
      await this.tell(shard);
      if (!own.isEmpty || this.#shards.get(shard) !== own) continue;
      this.#shards.delete(shard);
      this.#noteEmpty();
    }
  }

  async #deliver(shard: number, own: OfShard): Promise<void> {
    if (own.isEmpty) return;
    const { handed, lines, progress } = own;
    const message: SayingsMessage = { shard, handed: [...handed], lines: [...lines], progress: [...progress.values()] };
    const isTaken = await this.#ports.deliver(message).catch(() => false);
    if (isTaken) own.forget(message);
  }

  #noteEmpty(): void {
    if (this.isEmpty) for (const resolve of this.#empty.splice(0)) resolve();
  }
}

function sizeOf(line: NumberedLine): number {
  return 'dropped' in line ? 0 : line.message.length + (line.fields?.length ?? 0);
}
