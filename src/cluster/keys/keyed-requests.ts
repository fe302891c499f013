/**
 * Requests that make jobs, over several shards. One with a key goes to the shard that has it: of this process, or, in a cluster, wherever
 * the database says it is. What is decided here although another shard was given the key meanwhile writes nothing, and is decided again.
 * A list that is made as a whole is in one shard, whatever keys other shards have.
 */
import { placeOf, placeOfJobKey } from '../../domain/control/keys.js';
import { Refusal } from '../../domain/errors.js';
import type { Answer, Created, Creation, JobDraft, Request } from '../../scheduler/messages.js';
import { type ForeignName, HeldElsewhere } from '../../scheduler/requests/other-shards.js';
import { ClaimedElsewhere, type HeldName } from '../../store/port.js';
import { endingDigest } from '../../store/postgres/database.js';
import type { OwnedShard, Shards } from '../shards.js';
import type { ClusterNames, Name } from './names.js';

type Reply = (answer: Answer) => void;
type Of<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;

/** Where a request is to be decided: a shard of this process, one of another node, or any. */
type Place = { readonly owner: OwnedShard } | { readonly elsewhere: number } | 'anywhere';

export interface KeyedRequestsPorts {
  readonly shards: Shards;
  /** Names of the other nodes; absent: all shards are here. */
  readonly names?: ClusterNames | undefined;
  readonly ask: (owner: OwnedShard | undefined, request: Request, bytes: number, reply: Reply) => void;
  /** A shard for a new job. */
  readonly forNew: () => OwnedShard | undefined;
}

/** A key that moves on each time it is looked for is a fault, or much asked for. */
const mostMoves = 16;
/** Requests whose keys are being looked for. */
const mostLooking = 20_000;
const tooMany = new Refusal(
  'overloaded',
  'More requests with keys wait than the database answers. Try again in a moment.',
);

/** See the head of this file. */
export class KeyedRequests {
  readonly #ports: KeyedRequestsPorts;
  #looking = 0;

  constructor(ports: KeyedRequestsPorts) {
    this.#ports = ports;
  }

  create(request: Of<'create'>, bytes: number, reply: Reply): void {
    const { ask, forNew, shards } = this.#ports;
    let moves = 0;
    const decide = (owner: OwnedShard | undefined): void =>
      ask(owner, request, bytes, (answer) => {
        if (answer.ok || !hasMoved(answer.refusal) || ++moves > mostMoves) return reply(answer);
        const { refusal } = answer;
        const moved = refusal instanceof HeldElsewhere ? shards.get(refusal.shard) : undefined;
        if (moved === undefined) again(look, moves);
        else decide(moved);
      });
    const look = (): void =>
      this.#find([request], (found) => {
        if (found instanceof Refusal) return reply({ ok: false, refusal: found });
        const [place = 'anywhere'] = found;
        if (place === 'anywhere') decide(forNew());
        else if ('owner' in place) decide(place.owner);
        else reply({ ok: false, refusal: new HeldElsewhere(place.elsewhere) });
      });
    look();
  }

  /** Each item goes where it would by itself; those without a key go together. */
  createEach(request: Of<'createEach'>, bytes: number, reply: Reply): void {
    const { items } = request;
    const each = new Array<Created>(items.length);
    const decide = (indices: readonly number[], moves: number): void => {
      const part = indices.map((index) => items[index] as Creation);
      const answered = (): void => {
        const moved = indices.filter((index) => hasMoved(each[index] as Created));
        const isToMove = moved.length > 0 && moves < mostMoves && request.isPassedOn !== true;
        if (isToMove) again(() => decide(moved, moves + 1), moves);
        else reply({ ok: true, jobs: [], replayed: false, each });
      };
      this.#find(part, (found) => {
        if (found instanceof Refusal) return reply({ ok: false, refusal: found });
        const size = Math.ceil((bytes * indices.length) / items.length);
        this.#divide({ ...request, items: part }, found, size, (made) => {
          if (made instanceof Refusal) return reply({ ok: false, refusal: made });
          for (const [at, index] of indices.entries()) each[index] = made[at] as Created;
          answered();
        });
      });
    };
    decide([...items.keys()], 0);
  }

  /** All or nothing, in one shard. */
  createMany(request: Of<'createMany'>, bytes: number, reply: Reply): void {
    let moves = 0;
    const look = (): void =>
      this.#heldElsewhere(request.drafts, (held) => {
        if (held instanceof Refusal) return reply({ ok: false, refusal: held });
        const own = held.length === 0 ? request : { ...request, held };
        this.#ports.ask(this.#forList(request.drafts), own, bytes, (answer) => {
          if (answer.ok || !hasMoved(answer.refusal) || ++moves > mostMoves) return reply(answer);
          again(look, moves);
        });
      });
    look();
  }

  /** Asks each place for its part. @param done is given a refusal where there is one place, which takes none of them */
  #divide(
    request: Of<'createEach'>,
    places: readonly Place[],
    bytes: number,
    done: (each: Created[] | Refusal) => void,
  ): void {
    const { ask, forNew, names } = this.#ports;
    const { items } = request;
    const each = new Array<Created>(items.length);
    const parts = new Map<OwnedShard | number | undefined, number[]>();
    const fresh = forNew();
    for (const [index, place] of places.entries()) {
      const part = place === 'anywhere' ? fresh : 'owner' in place ? place.owner : place.elsewhere;
      const indices = parts.get(part);
      if (indices === undefined) parts.set(part, [index]);
      else indices.push(index);
    }
    let left = parts.size;
    const enter = (indices: readonly number[], made: readonly Created[] | Refusal): void => {
      if (parts.size === 1 && made instanceof Refusal && !hasMoved(made)) return done(made);
      for (const [at, index] of indices.entries()) each[index] = made instanceof Refusal ? made : (made[at] as Created);
      if (--left === 0) done(each);
    };
    for (const [part, indices] of parts) {
      const own = indices.map((index) => items[index] as Creation);
      if (typeof part !== 'number') {
        const size = Math.ceil((bytes * indices.length) / items.length);
        ask(part, { ...request, items: own }, size, (answer) =>
          enter(indices, answer.ok ? ('each' in answer ? answer.each : []) : answer.refusal),
        );
      } else if (names === undefined || request.isPassedOn === true) enter(indices, new HeldElsewhere(part));
      else void names.create(part, own).then((made) => enter(indices, made));
    }
  }

  /** Where each of them is to be decided. Those of one key are in one place. */
  #find(items: readonly Creation[], then: (places: readonly Place[] | Refusal) => void): void {
    const here = items.map((item) => this.#holderOf(item));
    const unknown = items.flatMap((item, at) => (here[at]?.isSure === true ? [] : namesOf(item)));
    this.#look(unknown, (held) => {
      if (held instanceof Refusal) return then(held);
      const shardOf = new Map(held.map(({ kind, name, shard }) => [`${kind} ${name}`, shard] as const));
      const places = new Map<string, Place>();
      then(
        items.map((item, at): Place => {
          const own = here[at];
          const key = placeOf(item.draft) ?? '';
          const shard = namesOf(item)
            .map(({ kind, name }) => shardOf.get(`${kind} ${name}`))
            .find((each) => each !== undefined);
          const place = own?.isSure !== true && shard !== undefined ? this.#at(shard) : own ? own : places.get(key);
          if (key !== '') places.set(key, place ?? 'anywhere');
          return place ?? 'anywhere';
        }),
      );
    });
  }

  #at(shard: number): Place {
    const owner = this.#ports.shards.get(shard);
    return owner === undefined ? { elsewhere: shard } : { owner };
  }

  /** Asks who holds names, if there is anybody to ask. */
  #look(unknown: readonly Name[], then: (held: readonly HeldName[] | Refusal) => void): void {
    const { names } = this.#ports;
    if (names === undefined || unknown.length === 0) return then([]);
    if (this.#looking >= mostLooking) return then(tooMany);
    this.#looking++;
    void names.holders(unknown).then((held) => {
      this.#looking--;
      then(held);
    });
  }

  /** Keys of a list that jobs of other nodes have, with these jobs. */
  #heldElsewhere(drafts: readonly JobDraft[], then: (held: readonly ForeignName[] | Refusal) => void): void {
    const unknown = new Map<string, Name>();
    for (const draft of drafts) {
      const place = placeOf(draft);
      if (place !== undefined && this.#holderOf({ draft })?.isSure !== true)
        unknown.set(place, { kind: 'key', name: place });
    }
    this.#look([...unknown.values()], (held) => {
      if (held instanceof Refusal) return then(held);
      const elsewhere = held.filter(
        ({ shard, digest }) => digest !== endingDigest && this.#ports.shards.get(shard) === undefined,
      );
      if (elsewhere.length === 0) return then([]);
      void this.withJobs(elsewhere).then(then);
    });
  }

  /** The jobs that have keys, as their nodes say. */
  async withJobs(held: readonly HeldName[]): Promise<readonly ForeignName[] | Refusal> {
    const byShard = new Map<number, HeldName[]>();
    for (const each of held) byShard.set(each.shard, [...(byShard.get(each.shard) ?? []), each]);
    const answers = await Promise.all(
      [...byShard].map(async ([shard, names]): Promise<readonly ForeignName[] | Refusal> => {
        const places = names.map(({ name }) => name);
        const jobs = (await this.#ports.names?.jobsOf(shard, places)) ?? [];
        if (jobs instanceof Refusal) return jobs;
        return names.map((each, at) => ({ ...each, job: jobs[at] }));
      }),
    );
    const refusal = answers.find((answer) => answer instanceof Refusal);
    return refusal ?? answers.flatMap((answer) => (answer instanceof Refusal ? [] : answer));
  }

  /** The shard here that has a key of this request. `isSure`: nobody else has one that counts more. */
  #holderOf({ draft, idempotency }: Creation): { readonly owner: OwnedShard; readonly isSure: boolean } | undefined {
    const place = placeOf(draft);
    if (place === undefined && idempotency === undefined) return undefined;
    const keys = this.#ports.shards.all.map((owner) => ({ owner, keys: owner.scheduler.keys }));
    const byRequest = idempotency && keys.find((each) => holds(() => each.keys.hasRequest(idempotency.key)));
    if (byRequest !== undefined) return { owner: byRequest.owner, isSure: true };
    if (place === undefined) return undefined;
    const known = keys.filter((each) => holds(() => each.keys.knows(place)));
    const taken = known.find((each) => holds(() => each.keys.ownerOf(place) !== undefined));
    const owner = (taken ?? known[0])?.owner;
    return owner && { owner, isSure: taken !== undefined && idempotency === undefined };
  }

  /** A list goes to the shard that has the first of its keys. */
  #forList(drafts: readonly JobDraft[]): OwnedShard | undefined {
    for (const draft of drafts) {
      const holder = draft.key === undefined ? undefined : this.#holderOf({ draft });
      if (holder !== undefined) return holder.owner;
    }
    return this.#ports.forNew();
  }
}

/** The one that counts most first. */
function namesOf({ draft, idempotency }: Creation): Name[] {
  const names: Name[] = idempotency === undefined ? [] : [{ kind: 'idempotency', name: idempotency.key }];
  if (draft.key !== undefined) names.push({ kind: 'key', name: placeOfJobKey(draft.name, draft.key) });
  return names;
}

/** Nothing was decided, or nothing of it written: it is to be looked for again. */
function hasMoved(made: Created): boolean {
  return made instanceof HeldElsewhere || made instanceof ClaimedElsewhere;
}

/** What was decided and is not written yet makes a key move for so long. */
const pauseMs = 10;

/** Looks anew, a moment later if that has not helped. */
function again(look: () => void, moves: number): void {
  if (moves < 2) look();
  else setTimeout(look, pauseMs);
}

/** What cannot be read is for its shard to say. */
function holds(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return true;
  }
}
