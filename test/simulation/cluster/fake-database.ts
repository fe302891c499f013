/**
 * The database of a cluster in memory, as a node finds it on a bad day. Each statement waits until `step` carries out one of them,
 * and what becomes of it is chosen by a seeded generator:
 *
 *   plain    carried out, and answered in the same step
 *   slow     carried out in one step, answered in another: what comes between sees it
 *   refused  not carried out, and the caller hears so
 *   lost     carried out, and the caller hears that nothing is known
 *   gone     not carried out, and the caller hears that nothing is known
 *   late     the caller hears that nothing is known, and it is carried out some steps after that, or when its backend ends
 *
 * `FakeTables` says what a statement does. Beside the faults a test may block writes, forget the last of them, or take a shard away.
 */
import {
  type Database,
  type LoadedShard,
  type LogRow,
  type PageChange,
  type RandomId,
  UnknownEnd,
} from '../../../src/store/postgres/database.js';
import type { Random } from '../random.js';
import { FakeTables } from './fake-tables.js';

const fates = ['plain', 'slow', 'refused', 'lost', 'gone', 'late'] as const;
type Fate = (typeof fates)[number];

/** How often each becomes of a statement, against the others. */
export type Faults = Readonly<Partial<Record<Fate, number>>>;

export const noFaults: Faults = { plain: 1 };
export const allFaults: Faults = { plain: 10, slow: 4, refused: 1, lost: 1, gone: 1, late: 1 };

/** A refusal: the statement was not carried out. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

interface Statement {
  readonly node: RandomId;
  readonly what: string;
  readonly writes: boolean;
  fate: Fate;
  execute(): void;
  /** Tells the caller what the database has said. */
  answer(): void;
  fail(error: Error): void;
  /** It was carried out and is not answered yet. */
  isExecuted: boolean;
  /** Its caller has been told that nothing is known. */
  isOrphan: boolean;
  /** Steps until it is carried out then. */
  lateness: number;
}

/** Long enough for what was sent after it to be carried out before. */
const maxLateness = 200;
/** Entries and records that a load yields at once. */
const loadedAtOnce = 16;

export class FakeDatabase {
  readonly tables: FakeTables;
  readonly #random: Random;
  #statements: Statement[] = [];
  /** What becomes of statements from now on. */
  faults: Faults;
  /** How likely a step may carry out one that is late. The less, the longer these linger, until their backend ends. */
  lateChance = 1;
  /** Statements that write wait; others do not. */
  writesBlocked = false;
  /** What was carried out, a line each, for tests that show what happened. */
  readonly trace: string[] = [];
  #wake: () => void = () => {};

  constructor(options: {
    readonly random: Random;
    readonly shards?: number;
    readonly faults?: Faults;
    /** Unix milliseconds. */
    readonly now?: () => number;
  }) {
    this.#random = options.random;
    this.faults = options.faults ?? noFaults;
    this.tables = new FakeTables(options.shards ?? 1, () => this.randomId(), options.now ?? (() => 0));
  }

  randomId(): RandomId {
    let id = '';
    while (id.length < 32) id += this.#random.between(0, 15).toString(16);
    return id;
  }

  /** Carries out one of the statements that wait, or answers one that was carried out; false when none is ready. */
  step(): boolean {
    const ready = this.#statements.filter(
      ({ writes, isExecuted, isOrphan }) =>
        (!this.writesBlocked || !writes || isExecuted) && (!isOrphan || this.#random.chance(this.lateChance)),
    );
    if (ready.length === 0) return false;
    this.#advance(this.#random.pick(ready));
    return true;
  }

  /** Steps by itself, each in a turn of the event loop of its own, until the promise is settled. Returns what that is. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
      this.#wake();
    };
    promise.then(settled, settled);
    while (!isSettled) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (isSettled || this.step()) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return await promise;
  }

  /** The connections of a node are held up: what it has sent and was not carried out is late. */
  holdUp(node: RandomId): void {
    for (const statement of this.#statements) {
      if (statement.node !== node || statement.isExecuted || statement.isOrphan) continue;
      statement.isOrphan = true;
      statement.fail(new UnknownEnd('there was no answer in time'));
    }
  }

  /** Statements that have not been answered, or may be carried out yet. */
  get waiting(): readonly string[] {
    return this.#statements.map(({ what }) => what);
  }

  /** What a node has sent that was not carried out. */
  unexecuted(node: RandomId): readonly string[] {
    return this.#statements.filter((one) => one.node === node && !one.isExecuted).map(({ what }) => what);
  }

  /** What a node asks through. */
  of(node: RandomId): Database {
    const { tables } = this;
    const write = <T>(what: string, execute: () => T): Promise<T> => this.#send(node, what, true, execute);
    const read = <T>(what: string, execute: () => T): Promise<T> => this.#send(node, what, false, execute);
    return {
      append: (append) => write(`append ${append.row.position}`, () => tables.append(append)),
      writePages: (slice) => write('pages', () => tables.writePages(slice)),
      trim: (lease, before, limit) => write('trim', () => tables.trim(lease, before, limit)),
      holders: (names) => read('records', () => tables.holders(names)),
      recordsAfter: (shard, position, limit) => read('records', () => tables.recordsAfter(shard, position, limit)),
      load: async (shard, work) => {
        const found = await read('load', () => tables.snapshot(shard));
        return await work(this.#loaded(node, found));
      },
      join: (row) => write('join', () => tables.join(row)),
      beat: (of, seen, changed, leaves) => {
        leaves?.();
        return write('beat', () => tables.beat(of, seen, changed));
      },
      nodes: () => read('nodes', () => tables.nodes()),
      declareDead: (of, seen) => write('dead', () => tables.declareDead(of, seen)),
      leave: (of) => write('leave', () => tables.leave(of)),
      askPlaces: (of, asked, asks) => write('places', () => tables.askPlaces(of, asked, asks)),
      shards: () => read('shards', () => tables.shards()),
      take: (shard, oldToken, owner) => write('take', () => tables.take(shard, oldToken, owner)),
      beginTimeline: (shard, oldToken) => write('timeline', () => tables.beginTimeline(shard, oldToken)),
      endBackends: (of) => read('end', () => this.#end(of)),
      settings: (known) => read('settings', () => tables.settings(known)),
      changeSettings: (step) => write('set', () => tables.changeSettings(step)),
      declareTypes: (types) => write('types', () => tables.declareTypes(types)),
      declaredTypes: (digests) => read('types', () => tables.declaredTypes(digests)),
      nextBulk: () => write('bulk', () => tables.nextBulk()),
    };
  }

  /** The connections of a node break, and what they have sent is carried out or not. */
  #end(node: RandomId): void {
    const ended = this.#statements.filter((statement) => statement.node === node && statement.what !== 'end');
    this.#statements = this.#statements.filter((statement) => !ended.includes(statement));
    for (const statement of ended) {
      const isPossible = !this.writesBlocked || !statement.writes;
      if (!statement.isExecuted && isPossible && this.#random.chance(0.5)) this.#execute(statement);
      if (!statement.isOrphan) statement.fail(new UnknownEnd('the connection was ended'));
    }
  }

  #send<T>(node: RandomId, what: string, writes: boolean, execute: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let answer: T;
      this.#statements.push({
        node,
        what,
        writes,
        fate: this.#random.weighted(this.faults as Record<Fate, number>),
        execute: () => {
          answer = execute();
        },
        answer: () => resolve(answer),
        fail: reject,
        isExecuted: false,
        isOrphan: false,
        lateness: this.#random.between(0, maxLateness),
      });
      this.#wake();
    });
  }

  #advance(statement: Statement): void {
    const { fate } = statement;
    if (statement.isExecuted) return this.#finish(statement, () => statement.answer());
    if (statement.isOrphan && statement.lateness-- > 0) return;
    if (statement.isOrphan) return this.#finish(statement, () => this.#execute(statement));
    switch (fate) {
      case 'slow':
        return this.#execute(statement);
      case 'refused':
        return this.#finish(statement, () => statement.fail(new Refused('the database takes nothing just now')));
      case 'gone':
        return this.#finish(statement, () => statement.fail(new UnknownEnd('the connection broke')));
      case 'late':
        statement.isOrphan = true;
        return statement.fail(new UnknownEnd('there was no answer in time'));
      case 'plain':
      case 'lost':
        return this.#finish(statement, () => {
          this.#execute(statement);
          if (fate === 'plain') statement.answer();
          else statement.fail(new UnknownEnd('the connection broke'));
        });
      default:
        fate satisfies never;
    }
  }

  #execute(statement: Statement): void {
    this.trace.push(statement.what);
    statement.isExecuted = true;
    try {
      statement.execute();
    } catch (error) {
      statement.answer = () => statement.fail(error as Error);
    }
  }

  #finish(statement: Statement, how: () => void): void {
    this.#statements = this.#statements.filter((other) => other !== statement);
    how();
  }

  #loaded(node: RandomId, found: ReturnType<FakeTables['snapshot']>): LoadedShard {
    const read = <T>(part: readonly T[]): Promise<readonly T[]> => this.#send(node, 'read', false, () => part);
    async function* parts<T>(all: readonly T[]): AsyncIterable<readonly T[]> {
      for (let at = 0; at < all.length; at += loadedAtOnce) yield await read(all.slice(at, at + loadedAtOnce));
    }
    return {
      row: found.row,
      lastSlice: found.lastSlice,
      pages: parts<PageChange>(found.pages),
      log: parts<LogRow>(found.log),
    };
  }
}
