/** The resource `/jobs/batch`: making many jobs, all of them or none, or each for itself where the client prefers that. */
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { problemBody, problemStatus } from '../../api/problem.js';
import { renderJob } from '../../api/render.js';
import { readDraft } from '../../api/validate.js';
import { limits } from '../../domain/limits.js';
import type { Answer, Created, Creation, JobDraft, MadeJob } from '../../scheduler/messages.js';
import { BatchReader } from '../bodies/batch-body.js';
import { AllOrNone, type BatchItems, EachAlone, isRefused, placesIn } from '../bodies/batch-items.js';
import { tooMany as tooManyBodies } from '../bodies/body.js';
import { parseJson, parseLines } from '../bodies/json-body.js';
import { ListBody } from '../bodies/list-body.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { readPreferences } from '../http/prefer.js';
import { jsonCreated, jsonOk } from '../http/response-head.js';
import { type JobsContext, submitTo } from './jobs.js';

/** Batches up to this size are read in one go: that takes a few milliseconds. */
const slicedBytes = 64 * 1024;
/** So many jobs are shown in one go. */
const shownPerStep = 200;
/** One for all that are shown in one step: an answer has left it, or was copied, when `exchange.answer` returns. */
const lists = new ListBody();
const lenientApplied = ['Preference-Applied', 'handling=lenient'];

export function batchRoutes(context: JobsContext): Route[] {
  return [
    {
      ...at(context.base, operations.createJobs),
      maxBodyBytes: limits.batchBytes,
      ndjson: true,
      run: (exchange, body) => createBatch(context, exchange, body),
    },
  ];
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
  if (exchange.prefer !== undefined && readPreferences(exchange.prefer).lenient)
    return createEach(context, exchange, body);
  if (body.length > slicedBytes) return createSliced(context, exchange, body);
  const values = exchange.ndjson ? parseLines(body, placesIn(faults)) : parseJson(body, faults);
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
  submitAll(context, exchange, drafts as JobDraft[], body.length);
}

/** As `createBatch`, in steps: others have their turn meanwhile. */
function createSliced(context: JobsContext, exchange: Exchange, body: Buffer): void {
  readSliced(context, exchange, body, new AllOrNone(context.rules), (drafts) =>
    submitAll(context, exchange, drafts, body.length),
  );
}

/** Each item for itself: what cannot be made has a problem in its place. */
function createEach(context: JobsContext, exchange: Exchange, body: Buffer): void {
  readSliced(context, exchange, body, new EachAlone(context.rules), (read) => {
    const items = read.filter((item): item is Creation => !isRefused(item));
    if (items.length === 0) return answerEach(context, exchange, read.filter(isRefused));
    const answered = (answer: Answer): void => {
      if (!answer.ok) return exchange.refuse(answer.refusal);
      const each = ('each' in answer ? answer.each : []).values();
      const result = read.map((item) => (isRefused(item) ? item : (each.next().value as Created)));
      answerEach(context, exchange, result);
    };
    submitTo(context, exchange, { kind: 'createEach', items }, body.length, answered);
  });
}

/** Reads a batch in steps and calls `then` with what its items became, unless that is too late or refused. */
function readSliced<T>(
  { maxBodyBytes, requests, turns }: JobsContext,
  exchange: Exchange,
  body: Buffer,
  items: BatchItems<T>,
  then: (read: readonly T[]) => void,
): void {
  const bytes = exchange.keepBody(body);
  if (bytes === undefined) throw tooManyBodies();
  const reader = new BatchReader(bytes, exchange.ndjson, items, Math.max(maxBodyBytes, limits.bodyBytes));
  const step = (): void => {
    if (exchange.over) return;
    try {
      const read = reader.step();
      if (read === undefined) return turns.add(step);
      const refusing = requests.refusing();
      if (refusing) throw refusing;
      exchange.reserve(0);
      then(read);
    } catch (error) {
      exchange.fail(error);
    }
  };
  turns.add(step);
}

/** Hands a batch that is carried out as a whole to the scheduler. */
function submitAll(context: JobsContext, exchange: Exchange, drafts: readonly JobDraft[], bytes: number): void {
  const { clock, rules } = context;
  const render = ({ job, existed }: MadeJob): string =>
    renderJob(job, 'created', existed ? clock.now() : job.spec.createdAt, rules);
  submitTo(context, exchange, { kind: 'createMany', drafts }, bytes, (answer) => {
    if (!answer.ok) return exchange.refuse(answer.refusal);
    const made = 'each' in answer ? (answer.each as readonly MadeJob[]) : [];
    show(context, exchange, made, render, jsonCreated);
  });
}

function answerEach(context: JobsContext, exchange: Exchange, items: readonly Created[]): void {
  const { clock, rules } = context;
  const render = (item: Created): string => {
    if (isRefused(item)) return `{"status":${problemStatus(item.code)},"problem":${problemBody(item)}}`;
    const { job, replayed, existed } = item;
    const shown = renderJob(job, 'created', replayed || existed ? clock.now() : job.spec.createdAt, rules);
    return `{"status":${existed ? 200 : 201},"job":${shown}${replayed ? ',"replayed":true' : ''}}`;
  };
  show(context, exchange, items, render, jsonOk, lenientApplied);
}

/** Answers with a list, in steps. */
function show<T>(
  { turns }: JobsContext,
  exchange: Exchange,
  items: readonly T[],
  render: (item: T) => string,
  head: string,
  headers: readonly string[] = [],
): void {
  // In one step nobody else can write to it.
  const list = items.length <= shownPerStep ? lists : new ListBody();
  list.begin(`{"total":${items.length},"items":[`);
  let shown = 0;
  const step = (): void => {
    if (exchange.over) return;
    try {
      list.items(items.slice(shown, shown + shownPerStep), render);
      shown += shownPerStep;
      if (shown < items.length) return turns.add(step);
      exchange.answer(head, list.end(']}'), headers);
    } catch (error) {
      exchange.fail(error);
    }
  };
  step();
}
