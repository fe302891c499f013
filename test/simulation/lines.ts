/**
 * What attempts in the simulated pool write by `ctx.log`, and what must be left of it: of each attempt the last lines up to the bound, in
 * order, whatever the disk refuses; after a crash all that was on disk; after a stop in order all. Of a job that is removed, nothing.
 */
import { limits } from '../../src/domain/limits.js';
import type { Attempt } from '../../src/pool/port.js';
import { keepLines } from '../../src/scheduler/attempts/lines.js';
import type { World } from '../support/world.js';
import { must } from './event-replay.js';
import { Random } from './random.js';

/** What all lines may take where there is plenty, and where the oldest have to go. */
const amounts = { plenty: 1e9, tight: 3000 } as const;

interface Run {
  readonly seq: number;
  readonly run: number;
  /** By number; empty: one of those that were more than a thread may write. */
  lines: string[];
  /** So many are on disk. */
  written: number;
}

/** See the head of this file. */
export class SimulatedLines {
  readonly #seed: number;
  readonly #amount: keyof typeof amounts | undefined;
  /** By job and run. */
  readonly #runs = new Map<string, Run>();
  #lastName = '';

  constructor(seed: number) {
    this.#seed = seed;
    const random = Random.ofStep(seed, 9_000_000);
    if (random.chance(0.4)) this.#amount = random.pick(['plenty', 'plenty', 'tight'] as const);
  }

  /** Of the worlds of this life: whether lines are kept, and how many. */
  get options(): { readonly jobLogBytes?: number } {
    return this.#amount === undefined ? {} : { jobLogBytes: amounts[this.#amount] };
  }

  /** Watches the disk of a new world. */
  attend({ store }: World): void {
    store.afterLogs = ({ chunks }) => {
      for (const { seq, run, until } of chunks) {
        const known = this.#runs.get(`${seq}/${run}`);
        if (known) known.written = until;
      }
    };
  }

  /** Now and then an attempt writes some. Drawn from a source of its own, so that all else in a life stays as it was without. */
  perhapsWrite(world: World, attempt: Attempt, step: number): void {
    const random = Random.ofStep(this.#seed, 9_000_001 + step);
    if (this.#amount === undefined || !random.chance(0.5)) return;
    const { jobSeq, fence, jobId, name } = attempt;
    this.#lastName = `${jobSeq}/${fence}`;
    const known: Run = this.#runs.get(this.#lastName) ?? { seq: jobSeq, run: fence, lines: [], written: 0 };
    this.#runs.set(this.#lastName, known);
    const of = { jobSeq, fence, jobId, name };
    const level = 'info' as const;
    const count = random.pick([1, 1, 3, 40, 700]);
    const messages = Array.from({ length: count }, (_, i) => String(known.lines.length + i));
    const dropped = random.chance(0.1) ? random.between(1, 5) : 0;
    known.lines.push(...messages, ...Array.from({ length: dropped }, () => ''));
    const lines = messages.map((message) => ({ ...of, level, message }));
    keepLines(
      dropped > 0 ? [...lines, { ...of, dropped }] : lines,
      world.jobLogs,
      { publishTransient: () => {} },
      world.clock.now(),
    );
  }

  /** Looks at the lines that were written last, as a client sees them. */
  check(world: World): void {
    const known = this.#runs.get(this.#lastName);
    if (known) this.#checkRun(world, known);
  }

  /** Another process has taken the place of the one that wrote them. @param inOrder the one before has stopped in order */
  startedAnew(world: World, inOrder: boolean): void {
    for (const [name, known] of this.#runs) {
      if (world.memtable.state(known.seq) === undefined) {
        this.#runs.delete(name);
        continue;
      }
      if (inOrder) this.#mustBeWritten(known);
      known.lines.length = known.written;
      this.#checkRun(world, known);
      const isGone = world.jobLogs.page(known.seq, { run: known.run, limit: 1 }).total === 0;
      // Where nothing is left of it, the numbers of a run begin anew.
      if (isGone && this.#amount === 'tight') this.#runs.delete(name);
    }
  }

  /** At the end, with the world quiet: all that was written is on disk. */
  checkRest(world: World): void {
    for (const known of this.#runs.values()) {
      if (world.memtable.state(known.seq) === undefined) continue;
      this.#mustBeWritten(known);
      this.#checkRun(world, known);
    }
  }

  #mustBeWritten({ seq, run, lines, written }: Run): void {
    must(written === lines.length, () => `${written} of ${lines.length} lines of attempt ${seq}/${run} are on disk`);
  }

  #checkRun(world: World, { seq, run, lines }: Run): void {
    if (world.memtable.state(seq) === undefined) return;
    const { items, total, dropped } = world.jobLogs.page(seq, { run, limit: 2 * limits.runLogLines });
    const found = items.map(({ message }) => message).join();
    const kept = lines.filter((line) => line !== '').slice(-limits.runLogLines);
    const expected = (this.#amount === 'tight' ? kept.slice(kept.length - items.length) : kept).join();
    must(found === expected, () => `of attempt ${seq}/${run} the lines ${expected} were to be kept, ${found} are`);
    must(total === items.length, () => `attempt ${seq}/${run} has ${items.length} lines, ${total} are counted`);
    if (total === 0 && this.#amount === 'tight') return;
    must(
      total + dropped === lines.length,
      () => `attempt ${seq}/${run} has written ${lines.length} lines: ${total} are kept, ${dropped} said to be gone`,
    );
  }
}
