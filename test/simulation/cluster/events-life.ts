/**
 * A life of those who listen to a cluster: they come to any node, go, and come again at another with the place that they had. Meanwhile
 * shards change hands, leases lapse, nodes die, connections stall and break, logs are trimmed, and the database loses what it had last.
 * Within a shard each hears each event once and in order, or is told of a gap; and what it believes in the end is what is there.
 */

import { beginningOf, type EventPlace, placeBehind } from '../../../src/client/event-place.js';
import type { JobEvent } from '../../../src/domain/events.js';
import { everything } from '../../../src/domain/filter.js';
import { formatId } from '../../../src/domain/id.js';
import { readCursor } from '../../../src/domain/ids/event-cursor.js';
import { Random } from '../random.js';
import { type Connection, EventNode, EventWorld, type Planted, pairOf, shardCount, turn } from './event-nodes.js';

export interface EventsEnd {
  /** What did not hold, a sentence each. */
  readonly faults: readonly string[];
  readonly counts: {
    readonly events: number;
    readonly heard: number;
    readonly gaps: number;
    readonly moves: number;
    readonly losses: number;
  };
}

export interface EventsLifeOptions {
  readonly seed: number;
  readonly steps: number;
  readonly planted?: Planted | undefined;
}

const weights = {
  ...{ happen: 30, time: 40, look: 10, move: 3, lapse: 1.5, die: 0.5, stall: 1.5, cut: 2, trim: 0.5, lose: 1 },
  ...{ come: 5, go: 3 },
} as const;
const shards = Array.from({ length: shardCount }, (_, shard) => shard);
const nodeCount = 3;
const clientCount = 4;
/** After the faults, by simulated time: streams are silent for 5 s before they are opened anew, and who comes waits for 15 s. */
const restWithinMs = 60_000;

interface Message {
  readonly type: string;
  readonly shard?: number;
  readonly seq?: number;
  readonly job_id?: string;
  readonly cursor?: string;
  readonly from?: number;
  readonly to?: number;
}

/** One who listens, as the client library does. */
class Listener {
  at: { readonly node: EventNode; readonly connection: Connection } | undefined;
  /** 0: of whatever there is, from the beginning on. */
  place: EventPlace | undefined;
  /** By shard: the jobs that it has heard of, by number. */
  readonly believed: Map<number, string>[] = shards.map(() => new Map());
  readonly heard = { events: 0, gaps: 0 };

  constructor(
    readonly name: string,
    readonly fault: (what: string) => void,
    isFromBeginning: boolean,
  ) {
    this.place = isFromBeginning ? 0 : undefined;
  }

  /** The last event of a shard that it has heard, and of which timeline. */
  placeIn(shard: number): { readonly timeline: number; readonly seq: number } {
    const [timeline, seq] = String(this.place).split('.')[shard]!.split('-').map(Number) as [number, number];
    return { timeline, seq };
  }

  hear(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.type === 'subscribed') {
      const { cursor = '' } = message;
      this.place = this.place === undefined ? cursor : this.place === 0 ? beginningOf(cursor) : this.place;
    } else if (message.type === 'gap') this.#hearGap(message as Required<Message>);
    else this.#hearEvent(message as Required<Message>);
  }

  #hearGap(message: Required<Message>): void {
    this.heard.gaps++;
    const { shard, from } = message;
    const before = this.placeIn(shard);
    this.place = placeBehind(this.place, message as never);
    const believed = this.believed[shard] as Map<number, string>;
    // Of another timeline, all that was heard may be something else.
    if (before.timeline !== this.placeIn(shard).timeline) believed.clear();
    else for (const seq of [...believed.keys()]) if (seq >= from) believed.delete(seq);
  }

  #hearEvent(message: Required<Message>): void {
    this.heard.events++;
    const { shard, seq, job_id } = message;
    const before = this.placeIn(shard).seq;
    if (seq !== before + 1) this.fault(`${this.name} heard event ${seq} of shard ${shard} after event ${before}`);
    this.believed[shard]?.set(seq, job_id);
    this.place = placeBehind(this.place, message as never);
  }
}

class Life {
  readonly faults: string[] = [];
  readonly counts = { events: 0, heard: 0, gaps: 0, moves: 0, losses: 0 };
  readonly #world: EventWorld;
  readonly #random: Random;
  readonly #listeners: Listener[];
  /** Shards that have lost events, which their owners have not noticed. */
  readonly #lost = new Set<number>();
  #names = 0;
  #jobs = 0;
  #tokens = 0;
  #timelines = 0;

  constructor({ seed, planted }: EventsLifeOptions, world: EventWorld) {
    this.#random = new Random(seed);
    this.#world = world;
    for (let i = 0; i < nodeCount; i++) this.#join();
    for (const shard of shards) this.#give(shard, this.#random.pick(world.nodes));
    this.#listeners = Array.from({ length: clientCount }, (_, i) => {
      return new Listener(`client ${i}`, (what) => this.faults.push(`${what} at ${world.timers.now}`), i % 2 === 0);
    });
    void planted;
  }

  #join(): void {
    this.#world.nodes.push(new EventNode(`n${++this.#names}`, this.#world));
  }

  get #living(): readonly EventNode[] {
    return this.#world.nodes.filter(({ isGone }) => !isGone);
  }

  /** A node opens a shard, with what the database has of it. */
  #give(shard: number, to: EventNode): void {
    const stored = this.#world.shards[shard]!;
    if (stored.owner !== undefined) stored.owner.open[shard] = undefined;
    const { timeline, log, oldest } = stored;
    Object.assign(stored, { owner: to, token: ++this.#tokens });
    to.open[shard] = { token: this.#tokens, timeline, oldest, log: [...log], behind: log.length };
  }

  step(): void {
    const random = this.#random;
    const { timers, shards: stored, stalled } = this.#world;
    const shard = random.pick(shards);
    const node = random.pick(this.#living);
    const pair = pairOf(node.name, random.pick(this.#living).name);
    switch (random.weighted(weights)) {
      case 'happen':
        return this.#happen(shard, random.between(1, 3));
      case 'time':
        return timers.advance(random.between(1, 300));
      case 'look':
        return node.look();
      case 'move':
        // Nobody gives what it does not know to be whole.
        if (this.#lost.has(shard) || stored[shard]?.owner?.hasLapsed !== false) return;
        this.counts.moves++;
        return this.#give(shard, node);
      case 'lapse':
        node.hasLapsed = !node.hasLapsed;
        return;
      case 'die':
        return this.#die(node);
      case 'stall':
        if (!stalled.delete(pair)) stalled.add(pair);
        return;
      case 'cut':
        return this.#world.cut(pair);
      case 'trim':
        return this.#trim(shard);
      case 'lose':
        return this.#lose(shard);
      case 'come':
        return this.#come(random.pick(this.#listeners), node);
      case 'go':
        return this.#go(random.pick(this.#listeners));
    }
  }

  #happen(shard: number, count: number): void {
    const stored = this.#world.shards[shard]!;
    const { owner } = stored;
    const open = owner?.open[shard];
    if (owner === undefined || open === undefined || owner.hasLapsed) return;
    // What follows a record that is lost is refused.
    if (this.#lost.has(shard)) return this.#notice(shard);
    const events = Array.from({ length: count }, (_, at): JobEvent => {
      const jobSeq = ++this.#jobs * shardCount + shard;
      const seq = open.log.length + at + 1;
      return {
        ...{ shard, seq, jobSeq, idSeconds: 1, jobName: 'noop', at: 0 },
        body: { type: 'job.started', attempt: 1 },
      };
    });
    stored.log.push(...events);
    open.log.push(...events);
    this.counts.events += count;
    owner.publish(events);
  }

  /** The database forgets the last events of a shard, while its owner lives and may tell them yet. */
  #lose(shard: number): void {
    const { owner, log, oldest } = this.#world.shards[shard]!;
    if (owner === undefined || owner.hasLapsed || this.#lost.has(shard)) return;
    const count = Math.min(this.#random.between(1, 8), log.length - oldest);
    if (count <= 0) return;
    log.splice(log.length - count);
    this.#lost.add(shard);
    this.counts.losses++;
  }

  /** Its owner notices: the shard has another timeline, and is opened anew, there or elsewhere. */
  #notice(shard: number): void {
    const stored = this.#world.shards[shard]!;
    this.#lost.delete(shard);
    if (this.#world.planted !== 'same_timeline') stored.timeline = ++this.#timelines;
    this.#give(shard, this.#random.chance(0.7) ? stored.owner! : this.#random.pick(this.#living));
  }

  #trim(shard: number): void {
    const stored = this.#world.shards[shard]!;
    const { owner, log } = stored;
    const open = owner?.open[shard];
    if (open === undefined || this.#lost.has(shard)) return;
    stored.oldest = open.oldest = Math.max(stored.oldest, log.length - this.#random.between(1, 20));
  }

  #die(node: EventNode): void {
    // What nobody lives to notice is not promised.
    const own = shards.filter((shard) => this.#world.shards[shard]?.owner === node);
    if (own.some((shard) => this.#lost.has(shard))) return;
    for (const listener of this.#listeners) if (listener.at?.node === node) this.#go(listener);
    node.end();
    for (const other of this.#living) this.#world.cut(pairOf(node.name, other.name));
    this.#join();
    for (const shard of own) this.#give(shard, this.#random.pick(this.#living));
  }

  #come(listener: Listener, node: EventNode): void {
    if (listener.at !== undefined) return;
    const { place } = listener;
    const connection = node.connect((text) => listener.hear(text));
    const at = { node, connection };
    listener.at = at;
    const since = place === undefined ? undefined : readCursor(place, shardCount);
    const begin = (isKnown: boolean): void => {
      if (listener.at !== at) return;
      if (isKnown) node.subscribers.subscribe(connection, everything, since);
      else this.#go(listener);
    };
    const known = node.subscribers.whenKnown();
    if (known === undefined) begin(true);
    else void known.then(begin);
  }

  #go(listener: Listener): void {
    const { at } = listener;
    if (at === undefined) return;
    listener.at = undefined;
    at.node.disconnect(at.connection);
  }

  /** No more faults: who listens hears all, and what each believes is what is there. */
  async rest(): Promise<void> {
    const { timers, stalled, shards: stored } = this.#world;
    stalled.clear();
    for (const node of this.#living) node.hasLapsed = false;
    for (const shard of this.#lost) this.#notice(shard);
    // Who had heard nothing of a shard does not learn that it has another timeline by then: they come once more.
    for (const isSame of [false, true]) {
      for (const until = timers.now + restWithinMs; timers.now < until && !this.#isAtRest(isSame); ) {
        for (const node of this.#living) node.look();
        for (const listener of this.#listeners) this.#come(listener, this.#random.pick(this.#living));
        timers.advance(50);
        for (let i = 0; i < 10; i++) await turn();
      }
      if (!isSame) for (const listener of this.#listeners) this.#go(listener);
    }
    for (const listener of this.#listeners) {
      this.counts.heard += listener.heard.events;
      this.counts.gaps += listener.heard.gaps;
      for (const shard of shards) {
        const { log, timeline } = stored[shard]!;
        if (!this.#hasAll(listener, shard, true))
          this.faults.push(
            `${listener.name} is at ${listener.place}, and shard ${shard} at ${timeline}-${log.length} for a minute`,
          );
        for (const [seq, job] of listener.believed[shard]!) {
          const there = log[seq - 1];
          const is = there && formatId(there.jobSeq, there.idSeconds);
          if (is !== job)
            this.faults.push(
              `${listener.name} takes event ${seq} of shard ${shard} for that of ${job}, and it is ${is}`,
            );
        }
      }
    }
  }

  /** @param isSame of this timeline, as well */
  #hasAll(listener: Listener, shard: number, isSame: boolean): boolean {
    if (typeof listener.place !== 'string') return false;
    const { log, timeline } = this.#world.shards[shard]!;
    const place = listener.placeIn(shard);
    return place.seq === log.length && (!isSame || place.seq === 0 || place.timeline === timeline);
  }

  #isAtRest(isSame: boolean): boolean {
    return this.#listeners.every((listener) => shards.every((shard) => this.#hasAll(listener, shard, isSame)));
  }
}

export async function liveEvents(options: EventsLifeOptions): Promise<EventsEnd> {
  const world = new EventWorld(options.planted);
  const restore = world.timers.install();
  try {
    const life = new Life(options, world);
    for (let step = 0; step < options.steps && life.faults.length === 0; step++) {
      life.step();
      for (let i = step % 3; i > 0; i--) await turn();
    }
    if (life.faults.length === 0) await life.rest();
    for (const node of world.nodes) if (!node.isGone) node.end();
    return { faults: life.faults, counts: life.counts };
  } finally {
    restore();
  }
}
