/**
 * Requests over several shards. What names a job goes to its shard. A new job goes to a shard that is not writing just then, so that it
 * need not wait for the next batch; a list to one shard as a whole; what has a key to the shard that holds it. What is
 * about types or the server goes to all, and is answered when all have it on disk.
 */
import { placeOf } from '../domain/control/keys.js';
import type { Settings } from '../domain/control/settings.js';
import { noSettings } from '../domain/control/settings.js';
import { Refusal } from '../domain/errors.js';
import type { Job } from '../domain/job.js';
import type { Answer, Created, Creation, JobDraft, Request, Requests } from '../scheduler/messages.js';
import { HeldElsewhere } from '../scheduler/requests/other-shards.js';
import { gatheredBulks } from './gathering/gathered-bulks.js';
import { inward, outward } from './numbered.js';
import type { SettingsRequest } from './settings/shared-settings.js';
import type { OwnedShard, Shards } from './shards.js';

/** What is set for all nodes of a cluster. */
export interface ClusterSettings {
  readonly current: Settings;
  /** Resolves when the change holds on all nodes that live, or with a refusal. */
  change(request: SettingsRequest): Promise<Answer>;
}

type Reply = (answer: Answer) => void;
type Of<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;

const notFound: Answer = {
  ok: false,
  refusal: new Refusal('not_found', 'There is no job with this id. It may have been removed after its retention.'),
};
const noShard = new Refusal('overloaded', 'This server has no shard at present. Try again in a moment.');
/** A key that moves on each time it is looked for is a fault. */
const mostMoves = 8;

/** See the head of this file. */
export class RoutedRequests implements Requests {
  readonly #shards: Shards;
  readonly #settings: ClusterSettings | undefined;
  /** Number of the latest bulk action that was asked for here. */
  #latestBulk = 0;
  /** Where the latest new job went, and the shard's last commit then: those that come before the next are in one batch. */
  #latest = 0;
  #latestAfter = -1;

  /** @param settings of the cluster; absent: there is none, and what is set is in the shards */
  constructor(shards: Shards, settings?: ClusterSettings) {
    this.#shards = shards;
    this.#settings = settings;
  }

  request(request: Request, bytes: number, reply: Reply): void {
    switch (request.kind) {
      case 'create':
        return this.#create(request, bytes, reply);
      case 'createMany':
        return this.#ask(this.#forList(request.drafts), request, bytes, reply);
      case 'createEach':
        return this.#createEach(request, bytes, reply);
      case 'bulk':
        return this.#bulk(request, bytes, reply);
      case 'cancelBulk':
        return this.#askAll(request, bytes, reply, ['not_found']);
      case 'setType':
      case 'pauseType':
      case 'resumeType':
      case 'pauseServer':
      case 'resumeServer':
        if (this.#settings !== undefined) return void this.#settings.change(request).then(reply);
        return this.#askAll(request, bytes, reply);
      default: {
        const owner = this.#shards.ofId(request.id);
        return owner === undefined ? reply(notFound) : this.#ask(owner, request, bytes, reply);
      }
    }
  }

  refusing(about?: 'settings'): Refusal | undefined {
    // Those of a cluster are not in the shards.
    if (about === 'settings' && this.#settings !== undefined && this.#shards.all.length === 0) return undefined;
    const refusals = this.#shards.all.map(({ scheduler }) => scheduler.refusing());
    return refusals.includes(undefined) ? undefined : (refusals[0] ?? noShard);
  }

  waitingFor(job: Job): ReturnType<Requests['waitingFor']> {
    const owner = this.#shards.ofNumber(job.spec.seq);
    return owner?.scheduler.waitingFor(inward(job, owner.numbers));
  }

  progressOf(job: Job): string | undefined {
    const owner = this.#shards.ofNumber(job.spec.seq);
    return owner?.scheduler.progressOf(inward(job, owner.numbers));
  }

  /** All shards have the same. */
  get settings(): Settings {
    return this.#settings?.current ?? this.#shards.all[0]?.scheduler.settings ?? noSettings;
  }

  get bulks(): Requests['bulks'] {
    return gatheredBulks(this.#shards.all);
  }

  #ask(owner: OwnedShard | undefined, request: Request, bytes: number, reply: Reply): void {
    if (owner === undefined) return reply({ ok: false, refusal: noShard });
    owner.scheduler.request(request, bytes, (answer) => reply(outwardAnswer(answer, owner)));
  }

  #create(request: Of<'create'>, bytes: number, reply: Reply): void {
    let moves = 0;
    const ask = (owner: OwnedShard | undefined): void =>
      this.#ask(owner, request, bytes, (answer) => {
        const moved = !answer.ok && answer.refusal instanceof HeldElsewhere ? answer.refusal.shard : undefined;
        if (moved === undefined || ++moves > mostMoves) return reply(answer);
        ask(this.#shards.get(moved));
      });
    ask(this.#holderOf(request) ?? this.#forNew());
  }

  /** Each item goes where it would by itself; those without a key go together. */
  #createEach(request: Of<'createEach'>, bytes: number, reply: Reply): void {
    const { items } = request;
    const forNew = this.#forNew();
    const keyed = new Map<string, OwnedShard | undefined>();
    const parts = new Map<OwnedShard | undefined, number[]>();
    for (const [index, item] of items.entries()) {
      const name = placeOf(item.draft) ?? '';
      // Those of one key are to see each other.
      const owner = name === '' ? this.#holderOf(item) : (keyed.get(name) ?? this.#holderOf(item));
      const part = owner ?? forNew;
      if (name !== '') keyed.set(name, part);
      parts.set(part, [...(parts.get(part) ?? []), index]);
    }
    if (parts.size === 1) return this.#ask([...parts.keys()][0], request, bytes, reply);
    const each = new Array<Created>(items.length);
    let left = parts.size;
    for (const [owner, indices] of parts) {
      const own = { ...request, items: indices.map((index) => items[index] as Creation) };
      this.#ask(owner, own, Math.ceil((bytes * indices.length) / items.length), (answer) => {
        const made = answer.ok && 'each' in answer ? answer.each : [];
        for (const [at, index] of indices.entries()) each[index] = answer.ok ? (made[at] as Created) : answer.refusal;
        if (--left === 0) reply({ ok: true, jobs: [], replayed: false, each });
      });
    }
  }

  /** Each shard acts on its own jobs. It has one number everywhere. */
  #bulk(request: Of<'bulk'>, bytes: number, reply: Reply): void {
    const id = Math.max(this.#latestBulk, ...this.bulks.map((bulk) => bulk.id)) + 1;
    this.#latestBulk = id;
    const partOf = ({ numbers }: OwnedShard): Of<'bulk'> => ({
      ...request,
      id,
      jobs: request.jobs.filter(({ shard = 0 }) => shard === numbers.shard),
    });
    this.#askEach(partOf, bytes, (answers) => {
      const refused = answers.find((answer) => !answer.ok);
      if (refused) {
        // All of it, or nothing.
        for (const owner of this.#shards.all) owner.scheduler.request({ kind: 'cancelBulk', id }, 0, () => {});
        return reply(refused);
      }
      const bulk = this.bulks.find((each) => each.id === id);
      reply(bulk ? { ok: true, jobs: [], replayed: false, bulk } : { ok: false, refusal: noShard });
    });
  }

  /** @param passedOver codes of refusals that count only when all have them */
  #askAll(request: Request, bytes: number, reply: Reply, passedOver: readonly string[] = []): void {
    this.#askEach(
      () => request,
      bytes,
      (answers) => {
        const done = answers.find(({ ok }) => ok);
        const refused = answers.find((answer) => !answer.ok && !passedOver.includes(answer.refusal.code));
        const answer = refused ?? done ?? answers[0] ?? { ok: false, refusal: noShard };
        if (!answer.ok || !('bulk' in answer)) return reply(answer);
        const { id } = answer.bulk;
        reply({ ...answer, bulk: this.bulks.find((bulk) => bulk.id === id) ?? answer.bulk });
      },
    );
  }

  #askEach(requestOf: (owner: OwnedShard) => Request, bytes: number, done: (answers: readonly Answer[]) => void): void {
    const owners = this.#shards.all;
    const answers: Answer[] = [];
    if (owners.length === 0) return done([]);
    for (const owner of owners) {
      owner.scheduler.request(requestOf(owner), Math.ceil(bytes / owners.length), (answer) => {
        if (answers.push(answer) === owners.length) done(answers);
      });
    }
  }

  /** The shard that has a key of this request. */
  #holderOf({ draft, idempotency }: Creation): OwnedShard | undefined {
    const place = placeOf(draft);
    if (place === undefined && idempotency === undefined) return undefined;
    const keys = this.#shards.all.map((owner) => ({ owner, keys: owner.scheduler.keys }));
    const byRequest = idempotency && keys.find((each) => holds(() => each.keys.hasRequest(idempotency.key)));
    if (byRequest || place === undefined) return byRequest?.owner;
    const known = keys.filter((each) => holds(() => each.keys.knows(place)));
    const taken = known.find((each) => holds(() => each.keys.ownerOf(place) !== undefined));
    return (taken ?? known[0])?.owner;
  }

  /** A list goes to the shard that has the first of its keys. */
  #forList(drafts: readonly JobDraft[]): OwnedShard | undefined {
    for (const draft of drafts) {
      const holder = draft.key === undefined ? undefined : this.#holderOf({ draft });
      if (holder !== undefined) return holder;
    }
    return this.#forNew();
  }

  /** One that takes requests, and is not writing just then if there is one. */
  #forNew(): OwnedShard | undefined {
    const { all } = this.#shards;
    let open: OwnedShard | undefined;
    const gathers = all[this.#latest]?.store.position === this.#latestAfter;
    for (let i = 0; i < all.length; i++) {
      const at = (this.#latest + i + (gathers ? 0 : 1)) % all.length;
      const owner = all[at] as OwnedShard;
      if (owner.scheduler.refusing() !== undefined) continue;
      open ??= owner;
      if (owner.scheduler.isWriting) continue;
      this.#latest = at;
      this.#latestAfter = owner.store.position;
      return owner;
    }
    return open ?? all[0];
  }
}

/** What cannot be read is for its shard to say. */
function holds(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return true;
  }
}

function outwardAnswer(answer: Answer, { numbers }: OwnedShard): Answer {
  if (!answer.ok || 'bulk' in answer) return answer;
  if (!('each' in answer)) return { ...answer, jobs: answer.jobs.map((job) => outward(job, numbers)) };
  const each = answer.each.map(
    (made): Created =>
      made instanceof Refusal || made.shard !== undefined ? made : { ...made, job: outward(made.job, numbers) },
  );
  const jobs = answer.jobs.length === 0 ? [] : each.flatMap((made) => (made instanceof Refusal ? [] : [made.job]));
  return { ok: true, replayed: false, jobs, each };
}
