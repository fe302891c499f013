/** The resource `/jobs`: making, listing, showing, changing, pausing, cancelling and retrying jobs. Batches are in `batches`. */

import type { Cursors } from '../../api/cursor.js';
import { Faults } from '../../api/faults.js';
import { type ListRequest, readListQuery } from '../../api/finding/list-query.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { type RenderRules, renderJob } from '../../api/render.js';
import { type Rules, readDraft, readIdempotencyKey, readPatch, readPause } from '../../api/validate.js';
import type { Clock } from '../../clock.js';
import { Refusal } from '../../domain/errors.js';
import { formatId, parseId } from '../../domain/id.js';
import type { Job } from '../../domain/job.js';
import { isFinished } from '../../domain/lifecycle.js';
import type { Answer, JobCommand, Request, Requests } from '../../scheduler/messages.js';
import type { ListPage, ListPlace, ListQuery, Queries } from '../../store/queries-port.js';
import { digestOf } from '../bodies/canonical.js';
import { parseJson, parseOptional } from '../bodies/json-body.js';
import { ListBody } from '../bodies/list-body.js';
import type { Turns } from '../bodies/turns.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { readPreferences } from '../http/prefer.js';
import { jsonCreated, jsonOk } from '../http/response-head.js';
import type { Waits } from '../live/waits.js';
import { gatherList, gatherSearch, type Listed } from '../peers/gathered-lists.js';
import type { ClusterContext } from '../peers/gathering.js';
import { answerInSteps } from './in-steps.js';

/** What these routes work with. */
export interface JobsContext {
  readonly requests: Requests;
  readonly queries: Queries;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly rules: Rules & RenderRules;
  readonly maxBodyBytes: number;
  /** Of all whose requests are read, or answered, in steps. */
  readonly turns: Turns;
  /** Answers that wait for the end of their job. */
  readonly waits: Waits;
  /** Path of the API, `/api/v1`. */
  readonly base: string;
  /** In a cluster: what is put together of all its nodes. */
  readonly cluster?: ClusterContext | undefined;
}

/** One for all: an answer has left it, or was copied, when `exchange.answer` returns. */
const lists = new ListBody();

export function jobsRoutes(context: JobsContext): Route[] {
  const { base, maxBodyBytes } = context;
  return [
    { ...at(base, operations.listJobs), run: (exchange) => list(context, exchange) },
    { ...at(base, operations.createJob), maxBodyBytes, run: (exchange, body) => create(context, exchange, body) },
    { ...at(base, operations.showJob), run: (exchange) => show(context, exchange) },
    { ...at(base, operations.updateJob), maxBodyBytes, run: (exchange, body) => update(context, exchange, body) },
    { ...at(base, operations.deleteJob), run: (exchange) => command(context, exchange, 'cancel') },
    { ...at(base, operations.cancelJob), run: (exchange) => command(context, exchange, 'cancel') },
    { ...at(base, operations.retryJob), run: (exchange) => command(context, exchange, 'retry') },
    { ...at(base, operations.pauseJob), maxBodyBytes, run: (exchange, body) => pause(context, exchange, body) },
    { ...at(base, operations.resumeJob), run: (exchange) => command(context, exchange, 'resume') },
    { ...at(base, operations.runJob), run: (exchange) => command(context, exchange, 'run') },
    { ...at(base, operations.removeJob), run: (exchange) => command(context, exchange, 'remove') },
  ];
}

function create(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  const value = parseJson(body, faults);
  const draft = readDraft(value, context.rules, faults);
  const key = idempotencyKeyOf(exchange, faults);
  if (draft === undefined || faults.any) throw faults.refusal();
  const request: Request =
    key === undefined
      ? { kind: 'create', draft }
      : { kind: 'create', draft, idempotency: { key, digest: digestOf(value) } };
  if (context.cluster === undefined || (key === undefined && draft.key === undefined))
    return submit(context, exchange, request, body.length);
  context.cluster.keyed({
    exchange,
    body,
    decide: (answered) => submitTo(context, exchange, request, body.length, answered),
    reply: (answer) => reply(context, exchange, 'create', answer),
  });
}

function idempotencyKeyOf({ idempotencyKey }: Exchange, faults: Faults): string | undefined {
  if (idempotencyKey !== undefined) readIdempotencyKey(idempotencyKey, faults, 'header.Idempotency-Key');
  return idempotencyKey;
}

function update(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const id = knownId(exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  // A job's type never changes, so what is on disk will do; where there is no such job, the scheduler says so.
  const typeOf = (): string | undefined => context.queries.get(id)?.spec.name;
  const patch = readPatch(parseJson(body, faults), context.rules, faults, typeOf);
  if (patch === undefined || faults.any) throw faults.refusal();
  submit(context, exchange, { kind: 'update', id, patch }, body.length);
}

function pause(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const id = knownId(exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  const change = readPause(parseOptional(body, faults), context.rules, faults);
  faults.throwIfAny();
  submit(context, exchange, { kind: 'pause', id, change }, body.length);
}

function command(context: JobsContext, exchange: Exchange, kind: JobCommand): void {
  const id = knownId(exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  submit(context, exchange, { kind, id }, 0);
}

function show(context: JobsContext, exchange: Exchange): void {
  const { queries, clock, rules } = context;
  const job = queries.get(knownId(exchange));
  if (job === undefined) throw noSuchJob();
  if (answersAtEnd(context, exchange, job, jsonOk)) return;
  exchange.answer(jsonOk, renderJob(job, 'detail', clock.now(), rules));
}

function list(context: JobsContext, exchange: Exchange): void {
  const { queries, cursors, rules, turns, clock } = context;
  const now = (): number => clock.monotonic();
  const { cursor, text: wanted, ...asked } = readListQuery(exchange.query, rules.timezone);
  const text = textOf(asked, wanted);
  const byDue = asked.sort === 'due';
  const width = byDue ? 2 : 1;
  const behind = cursor === undefined ? undefined : placeOf(cursors.read(cursor, text, width * queries.shards), width);
  const query: ListQuery = { ...asked, ...(behind && { behind }) };
  if (context.cluster) return listOverAll(context, context.cluster, exchange, query, wanted, text);
  if (wanted !== undefined) {
    const search = queries.search({ ...query, filter: asked.filter, descending: asked.descending, text: wanted, now });
    return answerInSteps(turns, exchange, search, (page) =>
      answerList(context, exchange, page, text, `"scanned":${page.scanned}`),
    );
  }
  const answer = (page: ListPage): void => answerList(context, exchange, page, text, `"total":${page.total}`);
  const { filter } = asked;
  if (!byDue && filter.dueFrom === undefined && filter.dueBefore === undefined) return answer(queries.list(query));
  answerInSteps(turns, exchange, queries.listInSteps(query), answer);
}

/** @param text tells this list from another */
function listOverAll(
  context: JobsContext,
  { gathering, own }: ClusterContext,
  exchange: Exchange,
  query: ListQuery,
  wanted: string | undefined,
  text: string,
): void {
  const { cursors, clock, rules, queries, base } = context;
  const now = clock.now();
  const cursorOf = (place: ListPlace): string => cursors.write(numbersOf(place), text);
  const ports = {
    ...{ gathering, own, shards: queries.shards, path: `${base}${operations.listJobs.path}` },
    render: (job: Job) => renderJob(job, 'listed', now, rules),
  };
  const answer = ({ items, next }: Listed, count: string): void =>
    exchange.answer(
      jsonOk,
      lists.write(`{${count},"items":[`, items, (item) => item, `]${moreOf(next, cursorOf)}}`),
    );
  const { filter = {}, descending = true } = query;
  if (wanted === undefined)
    return gatherList(ports, exchange, query, cursorOf, (page) => answer(page, `"total":${page.total}`));
  const search = { ...query, filter, descending, text: wanted, now: () => clock.monotonic() };
  gatherSearch(ports, exchange, search, (page) => answer(page, `"scanned":${page.scanned}`));
}

function moreOf(next: ListPlace | undefined, cursorOf: (place: ListPlace) => string): string {
  return next === undefined ? '' : `,"next_cursor":"${cursorOf(next)}"`;
}

/** A place as numbers of a cursor: those of each shard, where there are several. */
function numbersOf({ seq, due, places }: ListPlace): readonly number[] {
  return places?.flatMap(numbersOf) ?? (due === undefined ? [seq] : [seq, due]);
}

/** @param width how many numbers there are of each shard */
function placeOf(numbers: readonly number[], width: number): ListPlace {
  const places: ListPlace[] = [];
  for (let at = 0; at < numbers.length; at += width) {
    const [seq = 0, due] = numbers.slice(at, at + width);
    places.push({ seq, ...(due !== undefined && { due }) });
  }
  const [only] = places;
  return places.length === 1 && only !== undefined ? only : { seq: 0, places };
}

/** A text that tells one list from another. */
function textOf({ filter, sort, descending }: Omit<ListRequest, 'cursor' | 'text'>, wanted?: string): string {
  return `${sort}/${descending}/${JSON.stringify(filter)}${wanted === undefined ? '' : `/${wanted}`}`;
}

function answerList(
  { cursors, clock, rules }: JobsContext,
  exchange: Exchange,
  { jobs, next }: Pick<ListPage, 'jobs' | 'next'>,
  text: string,
  count: string,
): void {
  const now = clock.now();
  const more = moreOf(next, (place) => cursors.write(numbersOf(place), text));
  const render = (job: Job): string => renderJob(job, 'listed', now, rules);
  exchange.answer(jsonOk, lists.write(`{${count},"items":[`, jobs, render, `]${more}}`));
}

/** Hands a request to the scheduler; its answer comes when the change is on disk. */
function submit(context: JobsContext, exchange: Exchange, request: Request, bytes: number): void {
  submitTo(context, exchange, request, bytes, (answer) => reply(context, exchange, request.kind, answer));
}

/** As `submit`, with an answer of one's own. */
export function submitTo(
  context: JobsContext,
  exchange: Exchange,
  request: Request,
  bytes: number,
  answered: (answer: Answer) => void,
): void {
  const trace = exchange.span?.context;
  context.requests.request(trace === undefined ? request : { ...request, trace }, bytes, (answer) => {
    // The scheduler answers many at once: what goes wrong with one is not to reach the others.
    try {
      if (!exchange.over) answered(answer);
    } catch (error) {
      exchange.fail(error);
    }
  });
}

function reply(context: JobsContext, exchange: Exchange, kind: Request['kind'], answer: Answer): void {
  if (!answer.ok) return exchange.refuse(answer.refusal);
  const { base, clock, rules } = context;
  const job = answer.jobs[0] as Job;
  if ((kind === 'retry' || kind === 'run') && answersAtEnd(context, exchange, job, jsonOk)) return;
  if (kind !== 'create') return exchange.answer(jsonOk, renderJob(job, 'detail', clock.now(), rules));
  const id = formatId(job.spec.seq, job.spec.idSeconds);
  const existed = 'existed' in answer && answer.existed === true;
  // As of its creation: "in ten minutes" stays ten minutes however long the disk took.
  const now = answer.replayed || existed ? clock.now() : job.spec.createdAt;
  const head = existed ? jsonOk : jsonCreated;
  const headers = ['Location', `${base}/jobs/${id}`];
  if (answer.replayed) headers.push('Idempotent-Replayed', 'true');
  if (answersAtEnd(context, exchange, job, head, headers)) return;
  exchange.answer(head, renderJob(job, 'created', now, rules, id), headers);
}

/**
 * Answers when the job has ended, where the client prefers that (`Prefer: wait`).
 *
 * @returns false when it does not, or that cannot be: then it is to be answered now
 */
function answersAtEnd(
  { waits, queries, clock, rules }: JobsContext,
  exchange: Exchange,
  job: Job,
  head: string,
  headers: readonly string[] = [],
): boolean {
  if (exchange.prefer === undefined) return false;
  const { waitSeconds } = readPreferences(exchange.prefer);
  if (waitSeconds === 0) return false;
  const { seq, idSeconds } = job.spec;
  // The node that has passed it on asks the next owner.
  const asksAgain = exchange.fromPeer && exchange.method === 'get';
  const goes = (): Refusal => new Refusal('misdirected_host', 'The shard of this job goes to another node.');
  const answer = (isCut: boolean): void => {
    if (isCut && asksAgain) return exchange.refuse(goes());
    const now = queries.get(formatId(seq, idSeconds)) ?? job;
    const applied = [...headers, 'Preference-Applied', `wait=${waitSeconds}`];
    exchange.answer(head, renderJob(now, 'detail', clock.now(), rules), applied);
  };
  if (!isFinished(job.state.status) && waits.isClosed && asksAgain) throw goes();
  if (!isFinished(job.state.status)) return waits.add(seq, waitSeconds * 1000, exchange, answer);
  answer(false);
  return true;
}

/** The id of the path. @throws Refusal `not_found` when it is none */
export function knownId({ parameter }: Exchange): string {
  if (parseId(parameter) === undefined) throw noSuchJob();
  return parameter;
}

export function noSuchJob(): Refusal {
  return new Refusal('not_found', 'There is no job with this id; finished jobs are removed after the retention time.');
}
