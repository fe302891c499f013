/**
 * Requests about one job, in a cluster: the node that owns its shard answers, whichever node was asked. Those for new jobs need a shard,
 * too, and a node may have none. A request is passed on once.
 * While a shard has no owner, or its owner is another than this node thought, the request waits for two seconds.
 */

import type { Name } from '../../cluster/keys/names.js';
import { type Peer, type PeerAnswer, PeerGone, type PeerRequest, type Peers } from '../../cluster/peers.js';
import { Refusal } from '../../domain/errors.js';
import { traceHeaders } from '../../domain/job.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { readPreferences } from '../http/prefer.js';
import { responseHead } from '../http/response-head.js';

export interface Forwarding {
  readonly peers: Peers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export const patienceMs = 2000;
export const pauseMs = 50;
/** Of one that waits for the end of a job, and whose owner is another by now. */
const waitingPauseMs = 200;
/** What the owner has not answered by then it does not: it ends the wait itself before that. */
const answerMs = 35_000;

/** Who is to answer; undefined: nobody can just now. */
type Chosen = 'here' | Peer | undefined;
/** Names that a request is for: where one of them is held, it is decided. */
type NamesOf = (exchange: Exchange, body: Buffer) => readonly Name[];

/** The route, where the owner of the job that its parameter names runs it. */
export function forwarded(route: Route, forwarding: Forwarding): Route {
  const { peers } = forwarding;
  return passedOn(route, forwarding, ({ parameter }) => peers.ownerOf(parameter));
}

/**
 * The route, which needs a shard, whichever: where this node has none, another that has one runs it: the one that holds a name of the
 * request, if there is one.
 */
export function withShards(route: Route, forwarding: Forwarding, namesOf: NamesOf = () => []): Route {
  const { peers } = forwarding;
  let own = 0;
  const choose = (): Chosen => {
    if (peers.ownerOfShard(own) === 'here') return 'here';
    const others: Peer[] = [];
    for (let shard = 0; shard < peers.shards; shard++) {
      const owner = peers.ownerOfShard(shard);
      if (owner === 'here') {
        own = shard;
        return 'here';
      }
      if (owner !== undefined) others.push(owner);
    }
    // By chance: one that finds a key of the request elsewhere all the same says so, and the next is another.
    return others[Math.floor(Math.random() * others.length)];
  };
  return passedOn(route, forwarding, choose, namesOf);
}

function passedOn(
  route: Route,
  forwarding: Forwarding,
  choose: (exchange: Exchange) => Chosen,
  namesOf: NamesOf = () => [],
): Route {
  return {
    ...route,
    run(exchange, body) {
      if (choose(exchange) === 'here') return route.run(exchange, body);
      if (exchange.fromPeer) throw notOwned();
      const { peers } = forwarding;
      const names = namesOf(exchange, body);
      const chosen = async (): Promise<Chosen> => {
        const shard = names.length === 0 ? undefined : await peers.holderOf(names);
        return shard === undefined ? choose(exchange) : peers.ownerOfShard(shard);
      };
      void passOn(route, exchange, keep(exchange, body), forwarding, chosen).catch((error) => exchange.fail(error));
    },
  };
}

/** A copy of the body that lasts. @throws Refusal */
export function keep(exchange: Exchange, body: Buffer): Buffer {
  const kept = body.length === 0 ? body : exchange.keepBody(body);
  if (kept === undefined) throw new Refusal('overloaded', 'Too many bodies are under way. Try again in a moment.');
  return kept;
}

export function notOwned(): Refusal {
  return new Refusal('misdirected_host', 'This node does not own the shard that this needs.');
}

async function passOn(
  route: Route,
  exchange: Exchange,
  body: Buffer,
  forwarding: Forwarding,
  choose: () => Promise<Chosen>,
): Promise<void> {
  const { peers, now, sleep } = forwarding;
  const gone = new AbortController();
  // A client may have asked to wait for longer than answers usually take: the owner sees to that.
  if (exchange.prefer !== undefined) exchange.rest(() => gone.abort());
  const whole = requestOf(exchange, body, gone.signal, route.path.includes(':') ? exchange.path : route.path);
  let request = whole;
  // Who waits for the end of a job waits for another owner, too. What changes something is not to happen that much later.
  const waitMs = request.method === 'GET' ? waitMsOf(exchange) : 0;
  let owner: Chosen;
  const waitedAt = now() + waitMs;
  // A wait may be cut right before its end.
  for (const end = waitedAt + patienceMs; !exchange.over; ) {
    owner = await choose();
    if (exchange.over) return;
    if (owner === 'here') {
      if (exchange.prefer !== undefined) exchange.renew();
      return route.run(exchange, body);
    }
    const answer = owner && (await ask(peers, owner, request));
    if (answer) return passBack(exchange, answer);
    if (now() >= end) break;
    // Thousands may wait.
    await sleep(waitMs > 0 ? waitingPauseMs : pauseMs);
    // Without the database it stays what was known.
    await peers.renew().catch(() => {});
    if (waitMs > 0) request = waitingFor(whole, Math.max(0, waitedAt - now()));
  }
  const why =
    owner === undefined
      ? 'No node owns the shard that this needs just now'
      : 'The node that owns the shard that this needs does not answer the one that was asked, or has just given it away';
  exchange.refuse(new Refusal('storage_unavailable', `${why}. Try again in a moment.`));
}

/** Undefined: the request had no effect, and may be sent again. @throws Refusal when that is not known */
export async function ask(peers: Peers, owner: Peer, request: PeerRequest): Promise<PeerAnswer | undefined> {
  try {
    const answer = await peers.ask(owner, request);
    return answer.status === 421 ? undefined : answer;
  } catch (error) {
    if (!(error instanceof PeerGone)) throw error;
    if (!error.sent || request.method === 'GET') return undefined;
    throw new Refusal(
      'timeout',
      'The node that has the job went away before it answered. Whether the request took effect is not known: ask for the job before sending it again.',
    );
  }
}

/** @param path of the exchange, where its route has no parameter */
export function requestOf(exchange: Exchange, body: Buffer, signal: AbortSignal, path = exchange.path): PeerRequest {
  const { query, method, idempotencyKey, prefer, ndjson } = exchange;
  const headers = traceHeaders(exchange.span?.context);
  if (body.length > 0) headers['content-type'] = ndjson ? 'application/x-ndjson' : 'application/json';
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
  if (prefer !== undefined) headers.prefer = prefer;
  return {
    // The answer to HEAD is measured here.
    method: method === 'head' ? 'GET' : method.toUpperCase(),
    path: query === '' ? path : `${path}?${query}`,
    headers,
    body,
    withinMs: answerMs + waitMsOf(exchange),
    signal,
  };
}

/** The same, of which some of the time that its client would wait has passed. */
function waitingFor(request: PeerRequest, ms: number): PeerRequest {
  const prefer = `wait=${Math.ceil(ms / 1000)}`;
  return { ...request, headers: { ...request.headers, prefer }, withinMs: answerMs + ms };
}

/** How long its client would wait for the end of a job. */
function waitMsOf({ prefer }: Exchange): number {
  return prefer === undefined ? 0 : readPreferences(prefer).waitSeconds * 1000;
}

/** Headers that an answer keeps on its way back. */
const kept = [
  ['location', 'Location'],
  ['retry-after', 'Retry-After'],
  ['idempotent-replayed', 'Idempotent-Replayed'],
  ['preference-applied', 'Preference-Applied'],
] as const;

export function passBack(exchange: Exchange, { status, reason, headers, body }: PeerAnswer): void {
  const more: string[] = [];
  for (const [name, spelling] of kept) {
    const value = headers[name];
    if (value !== undefined) more.push(spelling, value);
  }
  exchange.answer(headOf(`${status} ${reason}`, headers['content-type']), body, more);
}

const heads = new Map<string, string>();

/** There are few: of each status and kind of body that the API has. */
function headOf(status: string, contentType: string | undefined): string {
  const of = `${status}\n${contentType ?? ''}`;
  let head = heads.get(of);
  if (head === undefined) {
    head = responseHead(status, contentType);
    heads.set(of, head);
  }
  return head;
}
