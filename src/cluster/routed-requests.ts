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
import type { Answer, Created, Request, Requests } from '../scheduler/messages.js';
import { ClaimedElsewhere, type HeldName } from '../store/port.js';
import { gatheredBulks } from './gathering/gathered-bulks.js';
import { KeyedRequests } from './keys/keyed-requests.js';
import type { ClusterNames } from './keys/names.js';
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
/** A request is decided anew so often after others that were to be written with it had keys that are held elsewhere. */
const mostTries = 32;

/** See the head of this file. */
export class RoutedRequests implements Requests {
  readonly #shards: Shards;
  readonly #keyed: KeyedRequests;
  readonly #settings: ClusterSettings | undefined;
  /** Number of the latest bulk action that was asked for here. */
  #latestBulk = 0;
  /** Where the latest new job went, and the shard's last commit then: those that come before the next are in one batch. */
  #latest = 0;
  #latestAfter = -1;

  /**
   * @param settings of the cluster; absent: there is none, and what is set is in the shards
   * @param names of the other nodes of the cluster; absent: all shards are here
   */
  constructor(shards: Shards, settings?: ClusterSettings, names?: ClusterNames) {
    this.#shards = shards;
    this.#settings = settings;
    this.#keyed = new KeyedRequests({
      ...{ shards, names },
      ask: (owner, request, bytes, reply) => this.#ask(owner, request, bytes, reply),
      forNew: () => this.#forNew(),
    });
  }

  request(request: Request, bytes: number, reply: Reply): void {
    switch (request.kind) {
      case 'create':
        return this.#keyed.create(request, bytes, reply);
      case 'createMany':
        return this.#keyed.createMany(request, bytes, reply);
      case 'createEach':
        return this.#keyed.createEach(request, bytes, reply);
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
    this.#submit(owner, request, bytes, (answer) => reply(outwardAnswer(answer, owner)));
  }

  /**
   * Has a shard decide. What was to be written with keys that others hold was not, whoever asked for them: it is decided again. With keys
   * of its own a request is looked for anew first.
   */
  #submit(owner: OwnedShard, request: Request, bytes: number, reply: Reply): void {
    let tries = 0;
    const ask = (request: Request): void =>
      owner.scheduler.request(request, bytes, (answer) => {
        if (answer.ok || !(answer.refusal instanceof ClaimedElsewhere) || makes(request)) return reply(answer);
        if (++tries > mostTries) return reply(answer);
        const key = request.kind === 'retry' ? keyOf(owner.queries.get(request.id), answer.refusal) : undefined;
        if (request.kind !== 'retry' || key === undefined) return ask(request);
        void this.#keyed.withJobs([key]).then((held) => {
          if (held instanceof Refusal) reply({ ok: false, refusal: held });
          else ask({ ...request, held: held.filter(({ job }) => job !== undefined) });
        });
      });
    ask(request);
  }

  /** Each shard acts on its own jobs. It has one number everywhere; who gives it sees to what is refused. */
  #bulk(request: Of<'bulk'>, bytes: number, reply: Reply): void {
    const id = request.id ?? Math.max(this.#latestBulk, ...this.bulks.map((bulk) => bulk.id)) + 1;
    this.#latestBulk = Math.max(this.#latestBulk, id);
    const partOf = ({ numbers }: OwnedShard): Of<'bulk'> => ({
      ...request,
      id,
      jobs: request.jobs.filter(({ shard = 0 }) => shard === numbers.shard),
    });
    this.#askEach(partOf, bytes, (answers) => {
      const refused = answers.find((answer) => !answer.ok);
      if (refused) {
        // All of it, or nothing.
        for (const owner of request.id === undefined ? this.#shards.all : [])
          this.#submit(owner, { kind: 'cancelBulk', id }, 0, () => {});
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
      this.#submit(owner, requestOf(owner), Math.ceil(bytes / owners.length), (answer) => {
        if (answers.push(answer) === owners.length) done(answers);
      });
    }
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

/** Requests for new jobs: they may have keys. */
function makes({ kind }: Request): boolean {
  return kind === 'create' || kind === 'createEach' || kind === 'createMany';
}

/** The key of a job that is to begin anew, where it is among those that others hold. */
function keyOf(job: Job | undefined, { by }: ClaimedElsewhere): HeldName | undefined {
  const place = job && placeOf(job.spec);
  return by.find(({ kind, name }) => kind === 'key' && name === place);
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
