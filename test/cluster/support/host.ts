/** Hosts of shards over one database, with all that is real but threads and sockets. */
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.js';
import { HeldNames } from '../../../src/cluster/keys/held-names.js';
import { jobsOfKeys } from '../../../src/cluster/keys/jobs-of-keys.js';
import type { ClusterNames } from '../../../src/cluster/keys/names.js';
import { said, understood } from '../../../src/cluster/keys/peer-names.js';
import { NodeMoves } from '../../../src/cluster/moves/moves.js';
import type { NodeState } from '../../../src/cluster/moves/remote-attempts.js';
import { PeerGone, peerPaths } from '../../../src/cluster/peers.js';
import { type CommonPorts, SeveralShards } from '../../../src/cluster/process-shards.js';
import { NodeShards } from '../../../src/cluster/shard-host.js';
import { Shards } from '../../../src/cluster/shards.js';
import { type Together, togetherOf } from '../../../src/cluster/together.js';
import { Refusal } from '../../../src/domain/errors.js';
import type { JobEvent, TransientEvent } from '../../../src/domain/events.js';
import { keepLines } from '../../../src/scheduler/attempts/lines.js';
import type { MergeBounds } from '../../../src/scheduler/merging.js';
import type { Answer, JobDraft, Request } from '../../../src/scheduler/messages.js';
import { HeldElsewhere } from '../../../src/scheduler/requests/other-shards.js';
import { DamageLog } from '../../../src/store/damage-log.js';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import type { IndexEvents } from '../../../src/store/trees/local-index.js';
import { noTelemetry } from '../../../src/telemetry/port.js';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { InlineIndex } from '../../support/inline-index.js';
import { anyHandler, FakePool } from '../../support/world.js';

export const shardCount = 2;
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

class Index extends InlineIndex {
  isOpen = false;
  /** Nobody hears of its pages. */
  holdsPages = false;
  override listen(events: IndexEvents): void {
    super.listen({
      ...events,
      pages: (pages) => {
        if (!this.holdsPages) events.pages(pages);
      },
    });
  }
  override async open(merged: number): Promise<void> {
    await super.open(merged);
    this.isOpen = true;
  }
  override step(): boolean {
    return this.isOpen && super.step();
  }
}

export class Host {
  readonly pool = new FakePool();
  readonly shards = new Shards(shardCount);
  readonly events: JobEvent[] = [];
  readonly indexes: Index[] = [];
  readonly lost: number[] = [];
  /** This node goes by what users have set. */
  settingsApplied: Promise<void> = Promise.resolve();
  readonly several: SeveralShards;
  readonly moves: NodeMoves;
  /** The others do not reach it, nor it them, about attempts. */
  isCutOff = false;
  /** What it answers to others about attempts does not arrive. */
  losesAnswers = false;
  /** Of the clock by which it is waited. */
  aheadMs = 0;
  /** What is known of nodes; absent: they live. */
  states: ReadonlyMap<string, NodeState> = new Map();
  readonly host: NodeShards;
  readonly together: Together;
  /** The other hosts that can be reached. */
  others: readonly Host[] = [];
  /** Lines that those who listen have heard. */
  readonly heard: string[] = [];
  /** What lines of handlers wait for. */
  readonly laterSteps: (() => void)[] = [];
  /** What was logged as an error. */
  readonly errors: object[] = [];
  /** Why shards that came were loaded anew. */
  readonly loadedAnew: string[] = [];

  constructor(
    readonly name: string,
    readonly fake: FakeDatabase,
    merge?: MergeBounds,
  ) {
    const log = { ...quiet, error: (what: object | string) => this.errors.push(Object(what)) };
    const ports: CommonPorts = {
      ...{ clock: systemClock, pool: this.pool, handlers: [anyHandler('noop')], timezone: 'UTC', log },
      readEnqueued: (text) => JSON.parse(text) as JobDraft,
      retention: { retentionMs: 1e9, retainJobs: 1000, failedRetentionMs: 1e9, retainFailed: 1000 },
      telemetry: noTelemetry,
      ...(merge && { merge }),
      damage: new DamageLog(quiet),
      publish: (events) => this.events.push(...events),
      publishTransient: () => {},
      // Nothing is written before somebody asks for it.
      jobLogs: { maxBytes: 1e9, later: (_, step) => void this.laterSteps.push(step), isMirrored: true },
      fatal: (reason) => {
        throw new Error(reason);
      },
    };
    this.moves = new NodeMoves({
      hear: ({ handed, lines, progress }) => {
        this.several.owner.progress(progress);
        for (const run of handed) this.together.jobLogs.addRun(run);
        this.keep(lines);
      },
      ...{ shards: this.shards, pool: this.pool, pause: turn, self: () => name, mayAct: () => true },
      holds: (shard) => this.several.holds(shard),
      now: () => systemClock.monotonic() + this.aheadMs,
      stateOf: (node) => this.states.get(node) ?? 'live',
      peers: () => ({
        ownerOfShard: (shard) => {
          const { owner } = fake.tables.shards()[shard] as ShardRow;
          return owner === name ? 'here' : { node: owner as string };
        },
        ask: async ({ node }, { path, body }) => {
          const other = this.others.find((each) => each.name === node) as Host;
          const cutOff = (): void => {
            if (other.isCutOff || this.isCutOff) throw new PeerGone(true, 'cut off');
          };
          cutOff();
          const message = String(body);
          if (path === peerPaths.has)
            return { status: 200, reason: '', headers: {}, body: Buffer.from(other.moves.has(message)) };
          let isTaken: boolean | undefined;
          if (path === peerPaths.abort) isTaken = other.moves.abort(message) === undefined;
          else if (path === peerPaths.say) isTaken = other.moves.say(message);
          else
            void other.moves.ended(message).then((taken) => {
              isTaken = taken;
            });
          // Whoever is cut off meanwhile does not answer.
          for (; isTaken === undefined; cutOff()) await turn();
          if (other.losesAnswers) throw new PeerGone(true, 'the answer is lost');
          return { status: isTaken ? 200 : 421, reason: '', headers: {}, body: Buffer.alloc(0) };
        },
      }),
    });
    this.several = new SeveralShards(this.shards, ports, (shard) => this.several.owner.turn(shard), {
      moves: this.moves,
    });
    this.host = new NodeShards({
      ...{ database: fake.of(name), sessions: name, shards: this.several, pause: turn },
      log: { ...quiet, info: (what: { reason?: string } | string) => this.#hear(what) },
      clock: { monotonic: () => systemClock.monotonic() + this.aheadMs },
      indexes: {
        add: (_, logShare) => {
          const index = new Index(logShare);
          this.indexes.push(index);
          return index;
        },
      },
      lost: (shard) => this.lost.push(shard),
      moves: this.moves,
      settingsApplied: () => this.settingsApplied,
    });
    this.together = togetherOf(this.shards, undefined, this.#names());
  }

  #hear(what: { reason?: string } | string): void {
    if (typeof what === 'object' && what.reason !== undefined) this.loadedAnew.push(what.reason);
  }

  /** As nodes ask each other. */
  #names(): ClusterNames {
    const held = new HeldNames(this.fake.of(this.name));
    const noOwner = new Refusal('storage_unavailable', 'nobody owns it');
    return {
      holders: (names) => held.holders(names),
      create: (shard, items) =>
        new Promise((resolve) => {
          const owner = this.#ownerOf(shard);
          if (owner === undefined) return resolve(noOwner);
          owner.together.requests.request({ kind: 'createEach', items, isPassedOn: true }, 100, (answer) =>
            resolve(answer.ok && 'each' in answer ? wired(answer.each.map(said)).map(understood) : noOwner),
          );
        }),
      jobsOf: async (shard, places) => {
        const owned = this.#ownerOf(shard)?.shards.get(shard);
        if (owned === undefined) return noOwner;
        return jobsOfKeys(owned, places).map((job) => job && wired(job));
      },
    };
  }

  #ownerOf(shard: number): Host | undefined {
    return this.others.find(({ shards }) => shards.get(shard) !== undefined);
  }

  /** Asks as a client does: what is another host's to decide is passed on to it. */
  ask(request: Request): { answer?: Answer } {
    const asked: { answer?: Answer } = {};
    const from = (host: Host, isPassedOn = false): void =>
      host.together.requests.request(request, 100, (answer) => {
        const shard = !answer.ok && answer.refusal instanceof HeldElsewhere ? answer.refusal.shard : undefined;
        const owner = shard === undefined ? undefined : this.#ownerOf(shard);
        if (isPassedOn && shard !== undefined) return from(this);
        if (owner === undefined) asked.answer = answer;
        else from(owner, true);
      });
    from(this);
    return asked;
  }

  /** Takes a shard, whoever has it. */
  take(shard: number): ShardRow {
    const { token } = this.fake.tables.shards()[shard] as ShardRow;
    return this.fake.tables.take(shard, token, this.name) as ShardRow;
  }

  create(more: Partial<JobDraft> = {}): { answer?: Answer } {
    return this.ask({ kind: 'create', draft: draftOf(more) });
  }

  row(shard: number): ShardRow {
    return this.fake.tables.shards()[shard] as ShardRow;
  }

  /** The attempt of a job writes lines. */
  write(number: number, messages: readonly string[]): void {
    const { fence } = this.pool.attempts.get(number)!;
    const of = { jobSeq: number, fence, jobId: `job_1_${number}`, name: 'noop', level: 'info' as const };
    const own = this.moves.lines(
      messages.map((message) => ({ ...of, message })),
      Date.now(),
    );
    this.keep(own);
  }

  private keep(lines: Parameters<typeof keepLines>[0]): void {
    const publishTransient = ({ body }: TransientEvent): void =>
      void (body.type === 'job.log' && this.heard.push(body.message));
    keepLines(lines, this.together.jobLogs, { publishTransient }, Date.now());
  }

  /** What is kept of the lines of a job. */
  linesOf(number: number): readonly string[] {
    const owned = this.shards.ofNumber(number);
    const page = owned?.jobLogs.page(owned.numbers.slotOf(number), { limit: 1000 });
    return page === undefined
      ? []
      : [...page.items.map(({ message }) => message), ...(page.dropped > 0 ? [`and ${page.dropped} dropped`] : [])];
  }

  /** Ends the attempt of a job. @param enqueued what it has enqueued */
  end(number: number, enqueued: readonly JobDraft[] = []): void {
    const { fence } = this.pool.attempts.get(number)!;
    this.pool.attempts.delete(number);
    const texts = enqueued.map((draft) => JSON.stringify(draft));
    this.several.owner.outcomes([
      { kind: 'succeeded', jobSeq: number, fence, durationMs: 1, ...(texts.length > 0 && { enqueued: texts }) },
    ]);
  }
}

/** What is asked for, due at once. */
export function draftOf(more: Partial<JobDraft> = {}): JobDraft {
  return { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload: '{}', ...more };
}

/** As it comes over the wire. */
function wired<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Hosts of one database. */
export function world(t: Test, options: { readonly seed?: number; readonly merge?: MergeBounds } = {}) {
  const fake = new FakeDatabase({ random: new Random(options.seed ?? 1), shards: shardCount, now: Date.now });
  /** What nodes know of each other. */
  const states = new Map<string, NodeState>();
  const [first, second, third] = ['first', 'second', 'third'].map((name) => new Host(name, fake, options.merge)) as [
    Host,
    Host,
    Host,
  ];
  const hosts = [first, second, third];
  for (const host of hosts) {
    host.others = hosts.filter((other) => other !== host);
    host.states = states;
  }
  t.teardown(() => {
    for (const { several, moves } of hosts) {
      several.waker.stop();
      moves.outgoing.close();
    }
  });
  /** Lets all of them work until it is so. */
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let step = 0; !isSo(); step++) {
      if (step > 100_000) throw new Error(`it never is so: ${what}`);
      fake.step();
      for (const { indexes } of hosts) for (const index of indexes) index.step();
      await turn();
    }
  };
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    await until('a promise is settled', () => isOver);
    return await promise;
  };
  return { fake, first, second, third, hosts, states, until, settled };
}

export function numberOf(asked: { answer?: Answer }): number {
  const { answer } = asked;
  if (!answer?.ok || 'bulk' in answer) throw new Error(`not made: ${JSON.stringify(answer)}`);
  return answer.jobs[0]!.spec.seq;
}

export const bodies = (host: Host, number: number) =>
  host.events.filter(({ jobSeq }) => jobSeq === number).map(({ body }) => body.type);
