/**
 * Names of a cluster over its database, which knows which shard has one, and the other nodes, which decide what is asked of their shards.
 * Nodes say it to each other as JSON: they have the same formats, and show each other the secret of the cluster.
 */
import { type ErrorCode, type Fault, Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import type { Created, Creation, MadeJob } from '../../scheduler/messages.js';
import { HeldElsewhere } from '../../scheduler/requests/other-shards.js';
import type { HeldName } from '../../store/port.js';
import { type Peer, PeerGone, type Peers } from '../peers.js';
import type { HeldNames } from './held-names.js';
import type { ClusterNames, Name } from './names.js';

/** Where nodes ask each other. */
export const namesPath = '/peers/names';

/** What one node asks of another. */
export type NamesAsked =
  | { readonly create: readonly Creation[] }
  | { readonly shard: number; readonly places: readonly string[] };

/** What it answers: to `create`, in order; the jobs of keys, null where there is none. */
export type NamesAnswer = { readonly each: readonly SaidMade[] } | { readonly jobs: readonly (Job | null)[] };

type SaidMade = MadeJob | { readonly held: number } | { readonly refused: SaidRefusal };
interface SaidRefusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly faults: readonly Fault[];
  readonly jobId?: string | undefined;
}

/** How it is said what became of an item. */
export function said(made: Created): SaidMade {
  if (made instanceof HeldElsewhere) return { held: made.shard };
  if (!(made instanceof Refusal)) return made;
  const { code, detail, faults, jobId } = made;
  return { refused: { code, detail, faults, jobId } };
}

/** What became of an item, as it was said. */
export function understood(made: SaidMade): Created {
  if ('held' in made) return new HeldElsewhere(made.held);
  if (!('refused' in made)) return made;
  const { code, detail, faults, jobId } = made.refused;
  return new Refusal(code, detail, faults, jobId);
}

export interface PeerNamesPorts {
  readonly held: HeldNames;
  readonly peers: Pick<Peers, 'ownerOfShard' | 'ask' | 'renew'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

const patienceMs = 2000;
const pauseMs = 50;
/** Requests that wait for longer are answered by then. */
const answerMs = 30_000;
const noOwner = new Refusal(
  'storage_unavailable',
  'No node owns the shard that has a key of the request just now. Try again in a moment.',
);

/** See the head of this file. */
export class PeerNames implements ClusterNames {
  readonly #ports: PeerNamesPorts;

  constructor(ports: PeerNamesPorts) {
    this.#ports = ports;
  }

  holders(names: readonly Name[]): Promise<readonly HeldName[] | Refusal> {
    return this.#ports.held.holders(names);
  }

  async create(shard: number, items: readonly Creation[]): Promise<readonly Created[] | Refusal> {
    const answer = await this.#ask(shard, { create: items }, true);
    return answer instanceof Refusal || !('each' in answer) ? refusalOf(answer) : answer.each.map(understood);
  }

  async jobsOf(shard: number, places: readonly string[]): Promise<readonly (Job | undefined)[] | Refusal> {
    const answer = await this.#ask(shard, { shard, places }, false);
    return answer instanceof Refusal || !('jobs' in answer)
      ? refusalOf(answer)
      : answer.jobs.map((job) => job ?? undefined);
  }

  /** Asks the owner of a shard, whoever that is within some time. @param changes it is not to be asked twice */
  async #ask(shard: number, asked: NamesAsked, changes: boolean): Promise<NamesAnswer | Refusal> {
    const { peers, now, pause } = this.#ports;
    const body = Buffer.from(JSON.stringify(asked));
    for (const end = now() + patienceMs; ; ) {
      const owner = peers.ownerOfShard(shard);
      // It has come here: it is to be looked for anew.
      if (owner === 'here' && 'create' in asked) return { each: asked.create.map(() => ({ held: shard })) };
      const answer = typeof owner === 'object' ? await this.#askOne(owner, body, changes) : undefined;
      if (answer !== undefined) return answer;
      if (now() >= end) return noOwner;
      await pause(pauseMs);
      // Without the database it stays what was known.
      await peers.renew().catch(() => {});
    }
  }

  /** Undefined: another is to be asked. */
  async #askOne(owner: Peer, body: Buffer, changes: boolean): Promise<NamesAnswer | Refusal | undefined> {
    try {
      const headers = { 'content-type': 'application/json' };
      const request = { method: 'POST', path: namesPath, headers, body, withinMs: answerMs };
      const answer = await this.#ports.peers.ask(owner, request);
      if (answer.status === 200) return JSON.parse(answer.body.toString()) as NamesAnswer;
      if (answer.status === 421) return undefined;
      const { code, detail } = JSON.parse(answer.body.toString()) as { code: ErrorCode; detail: string };
      return new Refusal(code, detail);
    } catch (error) {
      if (!(error instanceof PeerGone)) throw error;
      if (!error.sent || !changes) return undefined;
      return new Refusal(
        'timeout',
        'The node that has the key went away before it answered. Whether the job was made is not known: look before sending it again.',
      );
    }
  }
}

const refusalOf = (answer: NamesAnswer | Refusal): Refusal => (answer instanceof Refusal ? answer : noOwner);
