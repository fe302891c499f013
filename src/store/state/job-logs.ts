/**
 * The lines of handlers on the thread that decides: gathered for half a second, handed to the storage, and read with what is on disk. They
 * are no part of commits, which do not wait for them; a crash takes the last second of them.
 */
import { limits } from '../../domain/limits.js';
import {
  type ChunkPlace,
  chunkKey,
  chunksOf,
  chunksOfRun,
  type KeptLine,
  packLines,
  placeOfChunk,
  readChunk,
  readTotal,
  sizeOfLine,
  totalKey,
} from '../format/trees/job-log.js';
import type { KvReader } from '../kv/kv.js';
import type { JobLogPage, JobLogQuery } from '../queries-port.js';
import type { NewChunk } from '../trees/job-logs.js';
import type { Storage } from '../trees/storage.js';

/** A line that a handler has written. */
export interface JobLine {
  readonly jobSeq: number;
  /** The fence of the attempt. */
  readonly run: number;
  /** Unix milliseconds. The event has the same time, so that a client can match the two. */
  readonly at: number;
  readonly level: string;
  readonly message: string;
  /** JSON text of an object. */
  readonly fields?: string | undefined;
  /** Its number in its run, where another node has counted. Absent: it is the next. */
  readonly n?: number | undefined;
}

/** Lines of a run that are not known to be on disk. */
export interface RunLines {
  readonly jobSeq: number;
  readonly run: number;
  readonly lines: readonly KeptLine[];
  /** So many lines the run had written, those that were dropped included. */
  readonly until: number;
}

export interface JobLogsOptions {
  /** What all lines may take on disk; 0: none are kept. */
  readonly maxBytes: number;
  readonly storage: Pick<Storage, 'writeLogs'>;
  readonly kv: KvReader;
  /** Whether there is such a job. */
  readonly exists: (seq: number) => boolean;
  /** Calls back after so many milliseconds. */
  readonly later: (ms: number, step: () => void) => void;
  /** What is written is on this machine only, until `mirrored` says that it is elsewhere. */
  readonly isMirrored?: boolean | undefined;
}

const writeAfterMs = 500;
/** While the disk takes nothing. */
const retryAfterMs = 1000;
/** What may wait to be written; of more, new lines are dropped. */
const maxWaitingBytes = 8 * 1024 * 1024;
/** Runs whose count of lines is remembered. */
const maxCounted = 20_000;
/** What is remembered of lines that are on this machine only; of more, the oldest are forgotten. More than waits for another node to load the shard. */
const maxUnmirroredBytes = 4 * 1024 * 1024;

/** Lines of a run that wait. */
interface Waiting {
  readonly seq: number;
  readonly run: number;
  readonly lines: KeptLine[];
  bytes: number;
}

/** Lines of a run as they were handed over. */
interface Handed {
  readonly chunk: NewChunk;
  readonly lines: readonly KeptLine[];
}

/** See the head of this file. */
export class JobLogs {
  readonly #options: JobLogsOptions;
  /** By job and run. */
  #waiting = new Map<string, Waiting>();
  /** Handed to the storage, in one order or, where there was a `flush`, in several. */
  #writing: readonly Handed[] = [];
  /** Of how many chunks each of these orders is. */
  #sizes: readonly number[] = [];
  /** Written, and not known to be elsewhere, by what was handed over together. */
  #unmirrored: { readonly order: number; readonly handed: readonly Handed[]; readonly bytes: number }[] = [];
  /** So many times something was written. */
  #orders = 0;
  /** The storage has refused it, and it is to be handed over once more. */
  #isRefused = false;
  /** How many lines a run has written, those that were dropped included. */
  readonly #counted = new Map<string, number>();
  #waitingBytes = 0;
  #isComing = false;
  #bytes: number;
  #dropped = 0;

  constructor(options: JobLogsOptions) {
    this.#options = options;
    this.#bytes = readTotal(options.kv.get('logs', totalKey)).bytes;
  }

  /** What all lines take on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lines that were never kept, since this process began. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Keeps a line. Returns false when it was there already. */
  add({ jobSeq: seq, run, n, ...line }: JobLine): boolean {
    if (this.#options.maxBytes === 0) return true;
    if (n !== undefined && !this.#skipTo(seq, run, n)) return false;
    this.#keep(seq, run, { n: this.#take(`${seq}/${run}`, seq, run, 1), ...line });
    return true;
  }

  /** Keeps what another node had of a run; what is there already is left out. */
  addRun({ jobSeq, run, lines, until }: RunLines): void {
    if (this.#options.maxBytes === 0) return;
    for (const line of lines) this.add({ jobSeq, run, ...line });
    this.#skipTo(jobSeq, run, until);
  }

  #keep(seq: number, run: number, { n, at, level, message, fields }: KeptLine): void {
    const name = `${seq}/${run}`;
    const line: KeptLine = { n, at, level, message, ...(fields !== undefined && { fields }) };
    const bytes = sizeOfLine(line);
    if (this.#waitingBytes + bytes > maxWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    const waiting = this.#of(name, seq, run);
    waiting.lines.push(line);
    waiting.bytes += bytes;
    this.#waitingBytes += bytes;
    while (
      waiting.lines.length > limits.runLogLines ||
      (waiting.bytes > limits.runLogBytes && waiting.lines.length > 1)
    ) {
      const size = sizeOfLine(waiting.lines.shift() as KeptLine);
      waiting.bytes -= size;
      this.#waitingBytes -= size;
      this.#dropped += 1;
    }
    this.#come(writeAfterMs);
  }

  /** A run has written lines that were more than may be. @param n the number of the first, where another node has counted */
  drop(seq: number, run: number, count: number, n?: number): void {
    if (this.#options.maxBytes === 0) return;
    if (n !== undefined) return void this.#skipTo(seq, run, n + count);
    this.#drop(seq, run, count);
  }

  /** How many lines a run has written, those that were dropped included. */
  countOf(seq: number, run: number): number {
    return this.#take(`${seq}/${run}`, seq, run, 0);
  }

  /** All lines that are not known to be elsewhere, in order: the shard goes to another node. */
  get unmirrored(): readonly RunLines[] {
    const runs = new Map<string, RunLines & { readonly lines: KeptLine[]; until: number }>();
    const add = (jobSeq: number, run: number, lines: readonly KeptLine[], until: number): void => {
      const own = runs.get(`${jobSeq}/${run}`) ?? { jobSeq, run, lines: [], until };
      runs.set(`${jobSeq}/${run}`, own);
      own.lines.push(...lines);
      own.until = until;
    };
    const handed = [...this.#unmirrored.flatMap((order) => order.handed), ...this.#writing];
    for (const { chunk, lines } of handed) add(chunk.seq, chunk.run, lines, chunk.until);
    for (const { seq, run, lines } of this.#waiting.values()) add(seq, run, lines, this.countOf(seq, run));
    return [...runs.values()];
  }

  /** Nothing waits, and all that was written is known to be elsewhere. */
  get isMirrored(): boolean {
    return this.#waiting.size === 0 && this.#writing.length === 0 && this.#unmirrored.length === 0;
  }

  /** What was written is elsewhere too, up to so many calls of `written`. */
  mirrored(orders: number): void {
    this.#unmirrored = this.#unmirrored.filter(({ order }) => order > orders);
  }

  #drop(seq: number, run: number, count: number): void {
    const name = `${seq}/${run}`;
    this.#take(name, seq, run, count);
    this.#dropped += count;
    this.#of(name, seq, run);
    this.#come(writeAfterMs);
  }

  /** Hands over what waits, at once: the storage is about to be closed. */
  flush(): void {
    const refused = this.#isRefused ? this.#writing : [];
    if (refused.length > 0 || this.#waiting.size > 0)
      this.#hand([...refused, ...this.#pack()], this.#isRefused ? [] : this.#writing);
  }

  /** What was handed over is on disk. @param bytes what all take now */
  written(bytes: number): void {
    this.#bytes = bytes;
    const [size = 0, ...others] = this.#sizes;
    const written = this.#writing.slice(0, size);
    for (const { chunk } of written) this.#waitingBytes -= chunk.bytes;
    this.#orders += 1;
    if (this.#options.isMirrored) this.#remember(written);
    this.#writing = this.#writing.slice(size);
    this.#sizes = others;
    this.#options.kv.refresh();
    if (this.#waiting.size > 0) this.#come(writeAfterMs);
  }

  /** It is not, and is tried again. */
  failed(): void {
    this.#isComing = true;
    this.#isRefused = true;
    this.#options.later(retryAfterMs, () => {
      this.#isComing = false;
      if (this.#isRefused) this.#hand(this.#writing);
    });
  }

  /**
   * Lines of a job, the oldest first.
   *
   * @throws DamagedRecord
   */
  page(seq: number, { run, limit, after }: JobLogQuery): JobLogPage {
    const runs = this.#runsOf(seq, run);
    let total = 0;
    let dropped = 0;
    const found: { run: number; line: KeptLine }[] = [];
    for (const { places, memory, number, until } of runs) {
      const onDisk = places.reduce((sum, { lines }) => sum + lines, 0);
      const surplus = Math.max(0, onDisk + memory.length - limits.runLogLines);
      const kept = onDisk + memory.length - surplus;
      total += kept;
      dropped += until - kept;
      if (found.length > limit || (after && number < after.run)) continue;
      const from = after?.run === number ? after.n : -1;
      let passed = 0;
      for (const place of places) {
        const begins = passed;
        passed += place.lines;
        if (passed <= surplus || place.until <= from || found.length > limit) continue;
        this.#read(place).forEach((line, i) => {
          if (begins + i >= surplus && line.n > from) found.push({ run: number, line });
        });
      }
      memory.forEach((line, i) => {
        if (onDisk + i >= surplus && line.n > from) found.push({ run: number, line });
      });
    }
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? { run: last.run, n: last.line.n } : undefined;
    return { total, dropped, items: items.map(({ run: of, line }) => ({ run: of, ...line })), next };
  }

  #runsOf(seq: number, only: number | undefined) {
    const { kv } = this.#options;
    const runs = new Map<number, { number: number; places: ChunkPlace[]; memory: KeptLine[]; until: number }>();
    const of = (number: number) => {
      const known = runs.get(number) ?? { number, places: [], memory: [], until: 0 };
      runs.set(number, known);
      return known;
    };
    for (const key of kv.keys('logs', only === undefined ? chunksOf(seq) : chunksOfRun(seq, only))) {
      const place = placeOfChunk(key);
      const its = of(place.run);
      its.places.push(place);
      its.until = Math.max(its.until, place.until);
    }
    const inMemory = [
      ...this.#writing.map(({ chunk, lines }) => ({ seq: chunk.seq, run: chunk.run, lines })),
      ...this.#waiting.values(),
    ];
    for (const one of inMemory) {
      if (one.seq !== seq || (only !== undefined && one.run !== only)) continue;
      const its = of(one.run);
      // What is being written may be there already.
      const behind = its.places.at(-1)?.until ?? 0;
      its.memory.push(...one.lines.filter(({ n }) => n >= behind));
      its.until = Math.max(its.until, this.#counted.get(`${seq}/${one.run}`) ?? 0, (one.lines.at(-1)?.n ?? -1) + 1);
    }
    return [...runs.values()].sort((a, b) => a.number - b.number);
  }

  #read(place: ChunkPlace): KeptLine[] {
    const key = chunkKey(place);
    const sealed = this.#options.kv.get('logs', key);
    // It has gone since, as the oldest there was.
    return sealed === undefined ? [] : readChunk(sealed, key);
  }

  #remember(handed: readonly Handed[]): void {
    const bytes = handed.reduce((sum, { chunk }) => sum + chunk.bytes, 0);
    this.#unmirrored.push({ order: this.#orders, handed, bytes });
    let all = this.#unmirrored.reduce((sum, order) => sum + order.bytes, 0);
    while (all > maxUnmirroredBytes && this.#unmirrored.length > 1) all -= this.#unmirrored.shift()?.bytes ?? 0;
  }

  /** Counts lines that never came as dropped, so that the next is `n`. Returns false when that is there already. */
  #skipTo(seq: number, run: number, n: number): boolean {
    const missing = n - this.countOf(seq, run);
    if (missing > 0) this.#drop(seq, run, missing);
    return missing >= 0;
  }

  /** Counts lines of a run. Returns the number of the first. */
  #take(name: string, seq: number, run: number, count: number): number {
    let next = this.#counted.get(name);
    if (next === undefined) {
      if (this.#counted.size >= maxCounted) this.#counted.clear();
      next = this.#writtenOf(seq, run);
    }
    this.#counted.set(name, next + count);
    return next;
  }

  /** How many lines a run has written before: an attempt that was interrupted may be there again under its number. */
  #writtenOf(seq: number, run: number): number {
    const { kv } = this.#options;
    const [key] = [...kv.keys('logs', { ...chunksOfRun(seq, run), reverse: true, limit: 1 })];
    const waiting = this.#waiting.get(`${seq}/${run}`)?.lines.at(-1)?.n ?? -1;
    const writing = this.#writing.find(({ chunk }) => chunk.seq === seq && chunk.run === run)?.chunk.until ?? 0;
    return Math.max(key === undefined ? 0 : placeOfChunk(key).until, waiting + 1, writing);
  }

  #of(name: string, seq: number, run: number): Waiting {
    let waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      waiting = { seq, run, lines: [], bytes: 0 };
      this.#waiting.set(name, waiting);
    }
    return waiting;
  }

  #come(ms: number): void {
    if (this.#isComing || this.#writing.length > 0) return;
    this.#isComing = true;
    this.#options.later(ms, () => {
      this.#isComing = false;
      if (this.#writing.length === 0) this.#hand(this.#pack());
    });
  }

  /** Takes what waits. */
  #pack(): Handed[] {
    const waiting = [...this.#waiting];
    this.#waiting = new Map();
    return waiting.map(([name, { seq, run, lines, bytes }]) => {
      const until = this.#counted.get(name) ?? (lines.at(-1)?.n ?? -1) + 1;
      return { chunk: { seq, run, lines: lines.length, until, bytes, packed: packLines(lines) }, lines };
    });
  }

  /** Hands chunks over, but for those of jobs that have been removed since. @param before what is being written already */
  #hand(chunks: readonly Handed[], before: readonly Handed[] = []): void {
    const { storage, maxBytes, exists } = this.#options;
    this.#isRefused = false;
    const there = chunks.filter(({ chunk }) => exists(chunk.seq));
    for (const { chunk } of chunks) if (!exists(chunk.seq)) this.#waitingBytes -= chunk.bytes;
    this.#writing = [...before, ...there];
    this.#sizes = [...(before.length > 0 ? this.#sizes : []), there.length].filter((size) => size > 0);
    if (there.length > 0) storage.writeLogs({ chunks: there.map(({ chunk }) => chunk), maxBytes });
    else if (this.#waiting.size > 0) this.#come(writeAfterMs);
  }
}
