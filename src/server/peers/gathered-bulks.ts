/**
 * Bulk actions over all nodes. One has a number of the database's, the same in all shards; each shard takes its part into its log, and acts on
 * its own jobs. What is shown is put together of the parts.
 *
 * A node that is asked for its part is sent the number beside what the client has asked for. Asked again, since its answer was lost or its
 * shards have moved, it takes in what it has not yet.
 */
import { Faults } from '../../api/faults.js';
import { type BulkDraft, readBulk } from '../../api/finding/bulk-request.js';
import type { Rules } from '../../api/validate.js';
import { mergedBulks } from '../../cluster/gathering/gathered-bulks.js';
import { type BulkAction, type BulkRecord, formatBulkId, meantBy } from '../../domain/control/bulk.js';
import { Refusal } from '../../domain/errors.js';
import type { Answer, BulkRequest, Request } from '../../scheduler/messages.js';
import type { Steps } from '../../store/queries-port.js';
import { parseJson } from '../bodies/json-body.js';
import type { Exchange } from '../http/exchange.js';
import { keep } from './forwarded-route.js';
import type { ClusterContext, Question } from './gathering.js';

export interface BulkPorts {
  readonly cluster: ClusterContext;
  /** Of what is asked. */
  readonly path: string;
}

/** How a client is answered. */
export interface BulkAnswers {
  /** So many jobs are meant, and nothing is done with them. */
  matched(action: BulkAction, matched: number): void;
  made(bulk: BulkRecord): void;
}

/** Of a job that a request names, so many bytes wait with it. */
const bytesPerJob = 4;

/** What is asked, and by a node: under which number. */
interface Asked {
  readonly id: number | undefined;
  readonly value: unknown;
}

/** @throws Refusal when the body is not valid */
export function createOverAll(
  ports: BulkPorts & { readonly rules: Rules },
  exchange: Exchange,
  body: Buffer,
  answers: BulkAnswers,
): void {
  const { cluster, rules, path } = ports;
  const { gathering } = cluster;
  const faults = new Faults();
  const isPart = exchange.peerShards !== undefined;
  const { id, value }: Asked = isPart
    ? asPart(parseJson(body, faults))
    : { id: undefined, value: parseJson(body, faults) };
  const draft = readBulk(value, rules, faults);
  if (draft === undefined || faults.any) throw faults.refusal();
  const text = isPart ? undefined : keep(exchange, body);
  const sent = (number: number | undefined): Question<unknown>['sent'] =>
    text && {
      method: 'POST',
      body: Buffer.concat([Buffer.from(`{"id":${number ?? null},"asked":`), text, Buffer.from('}')]),
    };
  const count: Question<number> = { path, sent: sent(undefined), part: (shards) => counted(cluster, draft, shards) };
  if (draft.dryRun || (isPart && id === undefined))
    return gathering.run(exchange, count, (parts) =>
      answers.matched(
        draft.action,
        parts.reduce((sum, { part }) => sum + part, 0),
      ),
    );
  const part = (number: number) => (shards: readonly number[]) => accepted(cluster, draft, number, shards);
  if (isPart && id !== undefined) return gathering.run(exchange, { path, part: part(id) }, () => {});
  void make(ports, count, (number) => ({ path, sent: sent(number), part: part(number) }))
    .then((bulk) => {
      if (!exchange.over) answers.made(bulk);
    })
    .catch((error) => exchange.fail(error));
}

/** What a client gets: all of it, or nothing that goes on. @throws Refusal */
async function make(
  ports: BulkPorts,
  count: Question<number>,
  questionOf: (id: number) => Question<BulkRecord>,
): Promise<BulkRecord> {
  const { bulks, gathering } = ports.cluster;
  // Each shard begins as soon as it has its part: first it is seen that all can be asked.
  await gathering.all(count);
  const id = await bulks.next().catch(() => {
    throw new Refusal('storage_unavailable', 'The database takes no writes just now: nothing was done.');
  });
  try {
    const [bulk] = mergedBulks((await gathering.all(questionOf(id))).map(({ part }) => [part]));
    return bulk as BulkRecord;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const named = formatBulkId(id);
    const isStopped = await gathering.all(cancelQuestion({ ...ports, path: `${ports.path}/${named}` }, id)).then(
      () => true,
      () => false,
    );
    if (isStopped) throw error;
    const detail = `Not all shards could be asked. A part of it may have been done, or may be yet: see ${ports.path}/${named}.`;
    throw new Refusal('timeout', detail);
  }
}

/** All bulk actions, the latest first. @param only the one with this number */
export function bulksOfAll(
  { cluster, path }: BulkPorts,
  exchange: Exchange,
  answer: (bulks: readonly BulkRecord[]) => void,
  only?: number,
): void {
  const wanted = ({ id }: BulkRecord): boolean => only === undefined || id === only;
  const part = (shards: readonly number[]) => once(() => cluster.bulks.of(shards).bulks.filter(wanted));
  cluster.gathering.run(exchange, { path, part }, (parts) => answer(mergedBulks(parts.map((each) => each.part))));
}

/** Ends one. @param answer undefined: there is none of this number */
export function cancelOverAll(
  ports: BulkPorts,
  exchange: Exchange,
  id: number | undefined,
  answer: (bulk: BulkRecord | undefined) => void,
): void {
  if (id === undefined) return answer(undefined);
  ports.cluster.gathering.run(exchange, cancelQuestion(ports, id), (parts) => {
    const [bulk] = mergedBulks(parts.map(({ part }) => (part === null ? [] : [part])));
    answer(bulk);
  });
}

function cancelQuestion({ cluster, path }: BulkPorts, id: number): Question<BulkRecord | null> {
  const cancelled = async (shards: readonly number[]): Promise<BulkRecord | null | undefined> => {
    const answer = await asked(cluster, shards, { kind: 'cancelBulk', id }, 0);
    return answer.ok || answer.refusal.code !== 'not_found' ? bulkOf(answer) : null;
  };
  const part = (shards: readonly number[]) => once(() => cancelled(shards));
  return { path, sent: { method: 'DELETE' }, part };
}

function* counted({ own }: ClusterContext, draft: BulkDraft, shards: readonly number[]): Generator<undefined, number> {
  const jobs = yield* found(own(shards).matching(meantBy(draft.action, draft.filter)));
  return matchedOf(jobs);
}

/** Own shards take in which jobs are meant. */
function* accepted(
  cluster: ClusterContext,
  draft: BulkDraft,
  id: number,
  shards: readonly number[],
): Generator<undefined, Promise<BulkRecord | undefined>> {
  const { dryRun, ...rest } = draft;
  const jobs = yield* found(cluster.own(shards).matching(meantBy(draft.action, draft.filter)));
  const request: Request = { kind: 'bulk', ...rest, jobs, id };
  const bytes = draft.askedFilter.length + matchedOf(jobs) * bytesPerJob;
  return asked(cluster, shards, request, bytes).then((answer) => {
    const bulk = bulkOf(answer);
    // It was ended before all shards had taken it in: whoever made it has given up.
    return bulk?.status === 'cancelled' ? undefined : bulk;
  });
}

function asked({ bulks }: ClusterContext, shards: readonly number[], request: Request, bytes: number): Promise<Answer> {
  return new Promise((resolve) => bulks.of(shards).request(request, bytes, resolve));
}

function bulkOf(answer: Answer): BulkRecord | undefined {
  return answer.ok && 'bulk' in answer ? answer.bulk : undefined;
}

const matchedOf = (jobs: BulkRequest['jobs']): number => jobs.reduce((sum, { places }) => sum + places.length, 0);

/** What needs no steps. */
function once<T>(value: () => T): Steps<T> {
  return { next: () => ({ done: true, value: value() }) };
}

function* found<T>(of: Steps<T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = of.next();
    if (done) return value;
    yield;
  }
}

/** @throws Refusal `validation_failed` when no node has sent it */
function asPart(body: unknown): Asked {
  const { id, asked } = (body ?? {}) as { readonly id?: unknown; readonly asked?: unknown };
  if (id !== null && !Number.isSafeInteger(id))
    throw new Refusal('validation_failed', 'The part of a bulk action has no number.');
  return { id: (id as number | null) ?? undefined, value: asked };
}
