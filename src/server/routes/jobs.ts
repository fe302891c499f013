/** The resource `/jobs`: making, listing, showing, changing, cancelling and retrying jobs. */

import type { Cursors } from '../../api/cursor.js';
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { readListQuery } from '../../api/query.js';
import { type RenderRules, renderJob } from '../../api/render.js';
import { type Rules, readDraft, readPatch } from '../../api/validate.js';
import type { Clock } from '../../clock.js';
import { Refusal } from '../../domain/errors.js';
import { formatId, parseId } from '../../domain/id.js';
import type { Job } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import type { Answer, JobDraft, Request, Requests } from '../../scheduler/messages.js';
import type { ListQuery, Queries } from '../../store/queries-port.js';
import { BatchReader } from '../bodies/batch-body.js';
import { tooMany as tooManyBodies } from '../bodies/body.js';
import { digestOf } from '../bodies/canonical.js';
import { parseJson, parseLines } from '../bodies/json-body.js';
import { ListBody } from '../bodies/list-body.js';
import type { Turns } from '../bodies/turns.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonCreated, jsonOk } from '../http/response-head.js';

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
  /** Path of the API, `/api/v1`. */
  readonly base: string;
}

/** Batches up to this size are read in one go: that takes a few milliseconds. */
const slicedBytes = 64 * 1024;
/** So many jobs are shown in one go. */
const shownPerStep = 200;

/** One for all: an answer has left it, or was copied, when `exchange.answer` returns. */
const lists = new ListBody();

export function jobsRoutes(context: JobsContext): Route[] {
  const { base, maxBodyBytes } = context;
  return [
    { ...at(base, operations.listJobs), run: (exchange) => list(context, exchange) },
    { ...at(base, operations.createJob), maxBodyBytes, run: (exchange, body) => create(context, exchange, body) },
    {
      ...at(base, operations.createJobs),
      maxBodyBytes: limits.batchBytes,
      run: (exchange, body) => createBatch(context, exchange, body),
    },
    { ...at(base, operations.showJob), run: (exchange) => show(context, exchange) },
    { ...at(base, operations.updateJob), maxBodyBytes, run: (exchange, body) => update(context, exchange, body) },
    { ...at(base, operations.deleteJob), run: (exchange) => command(context, exchange, 'cancel') },
    { ...at(base, operations.cancelJob), run: (exchange) => command(context, exchange, 'cancel') },
    { ...at(base, operations.retryJob), run: (exchange) => command(context, exchange, 'retry') },
  ];
}

function create(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  const value = parseJson(body, faults);
  const draft = readDraft(value, context.rules, faults);
  const key = readIdempotencyKey(exchange, faults);
  if (draft === undefined || faults.any) throw faults.refusal();
  const request: Request =
    key === undefined
      ? { kind: 'create', draft }
      : { kind: 'create', draft, idempotency: { key, digest: digestOf(value) } };
  submit(context, exchange, request, body.length);
}

/** All jobs of a JSON array, or of lines of JSON, or none: faults are reported by their place in the list. */
function createBatch(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  if (exchange.idempotencyKey !== undefined) {
    faults.add('header.Idempotency-Key', 'is for single jobs: send them to POST /jobs, or the batch without a key');
    throw faults.refusal();
  }
  if (body.length > slicedBytes) return createSliced(context, exchange, body);
  const values = exchange.ndjson ? parseLines(body, faults) : parseJson(body, faults);
  if (!Array.isArray(values)) {
    faults.add('', 'must be an array of jobs');
    throw faults.refusal();
  }
  if (values.length === 0 || values.length > limits.batchJobs) {
    faults.add('', `must have 1 to ${limits.batchJobs} jobs`);
    throw faults.refusal();
  }
  const drafts = values.map((value, index) => readDraft(value, context.rules, faults, `/${index}`));
  if (faults.any) throw faults.refusal();
  submit(context, exchange, { kind: 'createMany', drafts: drafts as JobDraft[] }, body.length);
}

/** As `createBatch`, in steps: others have their turn meanwhile. */
function createSliced(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const { rules, maxBodyBytes, requests, turns } = context;
  const bytes = exchange.keepBody(body);
  if (bytes === undefined) throw tooManyBodies();
  const reader = new BatchReader(bytes, exchange.ndjson, rules, Math.max(maxBodyBytes, limits.bodyBytes));
  const step = (): void => {
    if (exchange.over) return;
    try {
      const drafts = reader.step();
      if (drafts === undefined) return turns.add(step);
      const refusing = requests.refusing();
      if (refusing) throw refusing;
      exchange.reserve(0);
      submit(context, exchange, { kind: 'createMany', drafts }, bytes.length);
    } catch (error) {
      exchange.fail(error);
    }
  };
  turns.add(step);
}

/** Visible characters only: what a header can carry without being changed on its way. */
const keyForm = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyChars}}$`);

function readIdempotencyKey({ idempotencyKey }: Exchange, faults: Faults): string | undefined {
  if (idempotencyKey !== undefined && !keyForm.test(idempotencyKey)) {
    faults.add('header.Idempotency-Key', `must have 1 to ${limits.idempotencyKeyChars} visible ASCII characters`);
  }
  return idempotencyKey;
}

function update(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const id = knownId(exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  const patch = readPatch(parseJson(body, faults), context.rules, faults);
  if (patch === undefined || faults.any) throw faults.refusal();
  submit(context, exchange, { kind: 'update', id, patch }, body.length);
}

function command(context: JobsContext, exchange: Exchange, kind: 'cancel' | 'retry'): void {
  const id = knownId(exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  submit(context, exchange, { kind, id }, 0);
}

function show({ queries, clock, rules }: JobsContext, exchange: Exchange): void {
  const job = queries.get(knownId(exchange));
  if (job === undefined) throw noSuchJob();
  exchange.answer(jsonOk, renderJob(job, 'detail', clock.now(), rules));
}

function list({ queries, cursors, clock, rules }: JobsContext, exchange: Exchange): void {
  const { status, name, limit, offset, cursor } = readListQuery(exchange.query);
  const filter = `${status ?? ''}/${name ?? ''}`;
  const query: ListQuery = {
    limit,
    offset,
    ...(status !== undefined && { status }),
    ...(name !== undefined && { name }),
    ...(cursor !== undefined && { before: cursors.read(cursor, filter) }),
  };
  const { total, jobs, nextBefore } = queries.list(query);
  const now = clock.now();
  const next = nextBefore === undefined ? '' : `,"next_cursor":"${cursors.write(nextBefore, filter)}"`;
  const render = (job: Job): string => renderJob(job, 'listed', now, rules);
  exchange.answer(jsonOk, lists.write(`{"total":${total},"items":[`, jobs, render, `]${next}}`));
}

/** Hands a request to the scheduler; its answer comes when the change is on disk. */
function submit(context: JobsContext, exchange: Exchange, request: Request, bytes: number): void {
  context.requests.request(request, bytes, (answer) => {
    // The scheduler answers many at once: what goes wrong with one is not to reach the others.
    try {
      reply(context, exchange, request.kind, answer);
    } catch (error) {
      exchange.fail(error);
    }
  });
}

function reply(
  { base, clock, rules, turns }: JobsContext,
  exchange: Exchange,
  kind: Request['kind'],
  answer: Answer,
): void {
  if (exchange.over) return;
  if (!answer.ok) return exchange.refuse(answer.refusal);
  if (kind === 'createMany') {
    const { jobs } = answer;
    if (jobs.length > shownPerStep) return showSliced(exchange, jobs, rules, turns);
    const render = (made: Job): string => renderJob(made, 'created', made.spec.createdAt, rules);
    return exchange.answer(jsonCreated, lists.write(`{"total":${jobs.length},"items":[`, jobs, render, ']}'));
  }
  const job = answer.jobs[0] as Job;
  if (kind !== 'create') return exchange.answer(jsonOk, renderJob(job, 'detail', clock.now(), rules));
  const id = formatId(job.spec.seq, job.spec.idSeconds);
  // As of its creation: "in ten minutes" stays ten minutes however long the disk took.
  const now = answer.replayed ? clock.now() : job.spec.createdAt;
  const headers = ['Location', `${base}/jobs/${id}`];
  if (answer.replayed) headers.push('Idempotent-Replayed', 'true');
  exchange.answer(jsonCreated, renderJob(job, 'created', now, rules, id), headers);
}

/** The answer to a large batch, in steps. */
function showSliced(exchange: Exchange, jobs: readonly Job[], rules: RenderRules, turns: Turns): void {
  const list = new ListBody();
  const render = (made: Job): string => renderJob(made, 'created', made.spec.createdAt, rules);
  list.begin(`{"total":${jobs.length},"items":[`);
  let shown = 0;
  const step = (): void => {
    if (exchange.over) return;
    try {
      list.items(jobs.slice(shown, shown + shownPerStep), render);
      shown += shownPerStep;
      if (shown < jobs.length) return turns.add(step);
      exchange.answer(jsonCreated, list.end(']}'));
    } catch (error) {
      exchange.fail(error);
    }
  };
  turns.add(step);
}

function knownId({ parameter }: Exchange): string {
  if (parseId(parameter) === undefined) throw noSuchJob();
  return parameter;
}

function noSuchJob(): Refusal {
  return new Refusal('not_found', 'There is no job with this id; finished jobs are removed after the retention time.');
}
