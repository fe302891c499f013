/**
 * A life of keys: two nodes with real schedulers over the fake database, which answers late or not at all. Jobs with the same few keys
 * are asked for on both, alone, in lists and by attempts; they end, are cancelled, tried again and removed, and shards change hands
 * meanwhile. Whenever all has come to rest, each key is one job's, and the database knows which.
 */
import { placeOf } from '../../../src/domain/control/keys.js';
import type { Job } from '../../../src/domain/job.js';
import { isFinished } from '../../../src/domain/lifecycle.js';
import type { Answer, Creation, JobDraft, MadeJob, Request } from '../../../src/scheduler/messages.js';
import { endingDigest } from '../../../src/store/postgres/database.js';
import { draftOf, Host, shardCount, turn } from '../../cluster/support/host.js';
import { Random } from '../random.js';
import { FakeDatabase, type Faults, noFaults } from './fake-database.js';

/** A fault that the simulation must find. */
export type PlantedName = 'no_claim_check' | 'no_release';

export interface KeysLifeEnd {
  /** What did not hold, a sentence each. */
  readonly faults: readonly string[];
  readonly made: number;
  /** Requests that were answered with a job that there was, or refused since there was one. */
  readonly found: number;
  readonly moved: number;
}

const faults: Faults = { plain: 30, slow: 20, lost: 1, gone: 1, late: 1 };
const keys = ['a', 'b', 'c'];
const never = { kind: 'delay', delayMs: 1e9 } as const;

class KeysLife {
  readonly #random: Random;
  readonly #fake: FakeDatabase;
  readonly #hosts: readonly Host[];
  readonly #moving = new Set<number>();
  #asked = 0;
  #answered = 0;
  /** That are known by some answer. */
  readonly #made = new Map<number, Job>();
  /** Whose makers were told so. */
  readonly #acknowledged = new Set<number>();
  readonly #removed = new Set<number>();
  /** What each request with an idempotency key was answered with. */
  readonly #byRequest = new Map<string, number>();
  readonly faults: string[] = [];
  found = 0;
  moved = 0;

  constructor(seed: number, planted: PlantedName | undefined) {
    this.#random = new Random(seed);
    this.#fake = new FakeDatabase({ random: this.#random, shards: shardCount, now: Date.now });
    this.#fake.tables.checksClaims = planted !== 'no_claim_check';
    this.#fake.tables.releasesClaims = planted !== 'no_release';
    this.#hosts = ['first', 'second'].map((name) => new Host(name, this.#fake));
    for (const host of this.#hosts) host.others = this.#hosts.filter((other) => other !== host);
  }

  async live(rounds: number): Promise<KeysLifeEnd> {
    for (let shard = 0; shard < shardCount; shard++) {
      const host = this.#hosts[shard] as Host;
      await this.#rest(host.host.open(host.take(shard)));
    }
    for (let round = 0; round < rounds && this.faults.length === 0; round++) {
      this.#fake.faults = faults;
      for (let step = this.#random.between(5, 60); step > 0; step--) {
        this.#act();
        for (let some = this.#random.between(0, 6); some > 0; some--) await this.#step();
      }
      this.#fake.faults = noFaults;
      await this.#rest();
      this.#check();
    }
    for (const { several } of this.#hosts) several.waker.stop();
    return { faults: this.faults, made: this.#made.size, found: this.found, moved: this.moved };
  }

  #act(): void {
    const random = this.#random;
    const host = random.pick(this.#hosts);
    const what = random.weighted({ create: 30, each: 8, many: 8, end: 25, command: 12, move: 1 });
    switch (what) {
      case 'create':
        return this.#ask(host, { kind: 'create', ...this.#creation() });
      case 'each':
        return this.#ask(host, { kind: 'createEach', items: [1, 2, 3].map(() => this.#creation()) });
      case 'many':
        return this.#ask(host, { kind: 'createMany', drafts: [1, 2].map(() => this.#draft()) });
      case 'end': {
        const [running] = host.pool.attempts.keys();
        if (running !== undefined && host.shards.ofNumber(running))
          host.end(running, random.chance(0.5) ? [this.#draft()] : []);
        return;
      }
      case 'command':
        return this.#command(host);
      case 'move':
        return this.#move(random.between(0, shardCount - 1));
      default:
        what satisfies never;
    }
  }

  #draft(): JobDraft {
    const random = this.#random;
    return draftOf({
      ...(random.chance(0.5) && { trigger: never }),
      ...(random.chance(0.8) && { key: random.pick(keys) }),
      ifExists: random.pick(['reject', 'return', 'replace'] as const),
      maxRetries: 0,
    });
  }

  #creation(): Creation {
    if (this.#random.chance(0.7)) return { draft: this.#draft() };
    const key = this.#random.pick(['x', 'y', 'z']);
    // The same key comes with the same body.
    return { draft: draftOf({ trigger: never }), idempotency: { key, digest: 'same' } };
  }

  #command(host: Host): void {
    const known = [...this.#made.values()].filter(({ spec }) => !this.#removed.has(spec.seq));
    if (known.length === 0) return;
    const { spec } = this.#random.pick(known);
    const owner = [host, ...host.others].find(({ shards }) => shards.ofNumber(spec.seq));
    const numbers = owner?.shards.ofNumber(spec.seq)?.numbers;
    if (owner === undefined || numbers === undefined) return;
    const kind = this.#random.pick(['cancel', 'retry', 'remove'] as const);
    const id = numbers.format(numbers.slotOf(spec.seq), spec.idSeconds);
    // Whether it took effect may stay unknown.
    if (kind === 'remove') this.#removed.add(spec.seq);
    this.#ask(owner, { kind, id });
  }

  /** The other node takes a shard; the one that had it notices when it writes next, or a moment later. */
  #move(shard: number): void {
    if (this.#moving.size > 0) return;
    const from = this.#hosts.find(({ shards }) => shards.get(shard));
    const to = this.#hosts.find((host) => host !== from);
    if (from === undefined || to === undefined) return;
    this.#moving.add(shard);
    this.moved++;
    const row = to.take(shard);
    const move = async (): Promise<void> => {
      for (let wait = this.#random.between(0, 20); wait > 0; wait--) await turn();
      const dropped = from.host.drop(shard);
      // What still ran there ends, and nobody hears of it.
      for (const number of from.pool.attempts.keys()) if (number % shardCount === shard) from.end(number);
      await dropped;
      // What is not known is asked again.
      while (
        !(await to.host.open(row).then(
          () => true,
          (error: Error) => {
            if (error.name !== 'UnknownEnd') throw error;
            return false;
          },
        ))
      );
      this.#moving.delete(shard);
    };
    void move().catch((error) => this.faults.push(String(error)));
  }

  #ask(host: Host, request: Request): void {
    this.#asked++;
    const asked = host.ask(request);
    const wait = async (): Promise<void> => {
      while (asked.answer === undefined) {
        if (this.faults.length > 0) return;
        await turn();
      }
      this.#answered++;
      this.#heard(request, asked.answer);
    };
    void wait();
  }

  #heard(request: Request, answer: Answer): void {
    if (!answer.ok) {
      if (answer.refusal.code === 'conflict') this.found++;
      return;
    }
    if (request.kind === 'create') {
      const { replayed, existed = false } = 'existed' in answer ? answer : { replayed: answer.replayed };
      this.#entered({ job: answer.jobs[0] as Job, replayed, existed }, request);
    }
    if (!('each' in answer)) return;
    for (const [at, made] of answer.each.entries())
      if ('job' in made)
        this.#entered(made, request.kind === 'createEach' ? (request.items[at] as Creation) : undefined);
  }

  #entered({ job, replayed, existed }: MadeJob, asked: Creation | undefined): void {
    const { seq } = job.spec;
    if (replayed || existed) this.found++;
    else if (this.#acknowledged.has(seq)) this.faults.push(`job ${seq} was made twice`);
    else this.#acknowledged.add(seq);
    this.#made.set(seq, job);
    const name = asked?.idempotency?.key;
    if (name === undefined) return;
    const before = this.#byRequest.get(name);
    if (before !== undefined && before !== seq && !this.#removed.has(before))
      this.faults.push(`the request ${name} was answered with job ${before}, and then with job ${seq}`);
    this.#byRequest.set(name, seq);
  }

  async #step(): Promise<void> {
    this.#fake.step();
    for (const { indexes } of this.#hosts) for (const index of indexes) index.step();
    await turn();
  }

  /** Until nothing is under way. */
  async #rest(until: Promise<void> = Promise.resolve()): Promise<void> {
    let isOver = false;
    void until.then(() => {
      isOver = true;
    });
    for (let step = 0, still = 0; still < 20; step++) {
      if (step > 20_000) {
        this.faults.push(
          `it does not come to rest: ${this.#asked - this.#answered} requests wait, and ${this.#fake.waiting}`,
        );
        return;
      }
      await this.#step();
      const isSettled = this.#hosts.every(({ together }) => together.scheduler.settled);
      const isQuiet = isOver && isSettled && this.#moving.size === 0 && this.#fake.waiting.length === 0;
      still = isQuiet && this.#answered === this.#asked ? still + 1 : 0;
    }
  }

  // -- what must hold --

  #check(): void {
    const held = new Map<string, string>();
    for (const { kind, name, shard, slot, digest } of this.#fake.tables.claims())
      if (digest !== endingDigest) held.set(`${kind} ${name}`, `job ${slot * shardCount + shard}`);
    const having = new Map<string, string>();
    const there = new Set<number>();
    for (const { spec, state } of this.#jobs()) {
      there.add(spec.seq);
      const place = placeOf(spec);
      if (place === undefined || isFinished(state.status) || spec.keyLost === true) continue;
      const other = having.get(`key ${place}`);
      if (other !== undefined) this.faults.push(`${place} is the key of ${other}, and of job ${spec.seq}`);
      having.set(`key ${place}`, `job ${spec.seq}`);
    }
    for (const [name, job] of having)
      if (held.get(name) !== job) this.faults.push(`${name} is ${job}'s, and the database has it as ${held.get(name)}`);
    for (const [name, job] of held)
      if (name.startsWith('key ') && !having.has(name))
        this.faults.push(`${name} is held by ${job}, which has it no more`);
    for (const seq of this.#made.keys())
      if (!there.has(seq) && !this.#removed.has(seq)) this.faults.push(`job ${seq} was acknowledged, and is gone`);
  }

  *#jobs(): Iterable<Job> {
    for (const { shards } of this.#hosts)
      for (const { numbers, scheduler, store } of shards.all)
        for (let slot = 1; slot < scheduler.counters.nextSeq; slot++) {
          const job = store.job(slot);
          if (job !== undefined) yield { ...job, spec: { ...job.spec, seq: numbers.of(slot) } };
        }
  }
}

export function liveKeys(seed: number, rounds: number, planted?: PlantedName): Promise<KeysLifeEnd> {
  return new KeysLife(seed, planted).live(rounds);
}
