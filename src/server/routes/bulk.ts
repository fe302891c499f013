/** The resource `/bulk`: what is done with many jobs at once. */
import { Faults } from '../../api/faults.js';
import { readBulk } from '../../api/finding/bulk-request.js';
import { bulkListParameters } from '../../api/finding/operations.js';
import { renderBulk } from '../../api/finding/render-bulk.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { parseQuery, readLimit } from '../../api/query.js';
import { type BulkRecord, formatBulkId, meantBy, parseBulkId } from '../../domain/control/bulk.js';
import { Refusal } from '../../domain/errors.js';
import type { Answer, Request } from '../../scheduler/messages.js';
import { parseJson } from '../bodies/json-body.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonAccepted, jsonOk } from '../http/response-head.js';
import { bulksOfAll, cancelOverAll, createOverAll } from '../peers/gathered-bulks.js';
import { answerInSteps } from './in-steps.js';
import { type JobsContext, submitTo } from './jobs.js';

/** Of a job that a request names, so many bytes wait with it. */
const bytesPerJob = 4;

export function bulkRoutes(context: JobsContext): Route[] {
  const { base, maxBodyBytes } = context;
  return [
    { ...at(base, operations.createBulk), maxBodyBytes, run: (exchange, body) => create(context, exchange, body) },
    { ...at(base, operations.listBulks), run: (exchange) => list(context, exchange) },
    { ...at(base, operations.showBulk), run: (exchange) => show(context, exchange) },
    { ...at(base, operations.cancelBulk), run: (exchange) => cancel(context, exchange) },
  ];
}

/** Which jobs are meant is what the disk has now; the scheduler acts on them. */
function create(context: JobsContext, exchange: Exchange, body: Buffer): void {
  const { requests, queries, rules, turns, cluster, base } = context;
  if (cluster) {
    const over = { cluster, rules, path: `${base}${operations.createBulk.path}` };
    return createOverAll(over, exchange, body, {
      matched: (action, matched) => exchange.answer(jsonOk, JSON.stringify({ action, matched })),
      made: (bulk) => answerMade(context, exchange, bulk),
    });
  }
  const refusing = requests.refusing();
  if (refusing) throw refusing;
  const faults = new Faults();
  const draft = readBulk(parseJson(body, faults), rules, faults);
  if (draft === undefined || faults.any) throw faults.refusal();
  const { dryRun, ...asked } = draft;
  answerInSteps(turns, exchange, queries.matching(meantBy(asked.action, asked.filter)), (jobs) => {
    const matched = jobs.reduce((sum, { places }) => sum + places.length, 0);
    if (dryRun) return exchange.answer(jsonOk, JSON.stringify({ action: asked.action, matched }));
    const request: Request = { kind: 'bulk', ...asked, jobs };
    submitTo(context, exchange, request, body.length + matched * bytesPerJob, (answer) =>
      reply(exchange, answer, (bulk) => answerMade(context, exchange, bulk)),
    );
  });
}

function answerMade({ base, rules }: JobsContext, exchange: Exchange, bulk: BulkRecord): void {
  const headers = ['Location', `${base}/bulk/${formatBulkId(bulk.id)}`];
  exchange.answer(jsonAccepted, renderBulk(bulk, rules.timezone), headers);
}

function cancel(context: JobsContext, exchange: Exchange): void {
  const { cluster, rules } = context;
  if (cluster) {
    const path = pathOf(context, exchange);
    const id = parseBulkId(exchange.parameter);
    return cancelOverAll({ cluster, path }, exchange, id, (bulk) =>
      exchange.answer(jsonOk, renderBulk(found(bulk), rules.timezone)),
    );
  }
  const { id } = known(context, exchange);
  const refusing = context.requests.refusing();
  if (refusing) throw refusing;
  submitTo(context, exchange, { kind: 'cancelBulk', id }, 0, (answer) =>
    reply(exchange, answer, (bulk) => exchange.answer(jsonOk, renderBulk(bulk, context.rules.timezone))),
  );
}

function reply(exchange: Exchange, answer: Answer, done: (bulk: BulkRecord) => void): void {
  if (!answer.ok) return exchange.refuse(answer.refusal);
  if (!('bulk' in answer)) throw new Error('the answer is to another request');
  done(answer.bulk);
}

function show(context: JobsContext, exchange: Exchange): void {
  const { cluster, rules } = context;
  const answer = (bulk: BulkRecord): void => exchange.answer(jsonOk, renderBulk(bulk, rules.timezone));
  if (cluster === undefined) return answer(known(context, exchange));
  const id = parseBulkId(exchange.parameter);
  bulksOfAll({ cluster, path: pathOf(context, exchange) }, exchange, ([bulk]) => answer(found(bulk)), id ?? 0);
}

function pathOf({ base }: JobsContext, exchange: Exchange): string {
  return `${base}/bulk/${encodeURIComponent(exchange.parameter)}`;
}

const cursorText = 'bulk';

function list(context: JobsContext, exchange: Exchange): void {
  const { requests, cursors, rules, cluster, base } = context;
  const faults = new Faults();
  const values = parseQuery(exchange.query, bulkListParameters, faults);
  const limit = readLimit(values, faults);
  faults.throwIfAny();
  const cursor = values.get('cursor');
  const [before = Number.POSITIVE_INFINITY] = cursor === undefined ? [] : cursors.read(cursor, cursorText);
  const answer = (all: readonly BulkRecord[]): void => {
    const behind = all.filter(({ id }) => id < before);
    const items = behind.slice(0, limit).map((bulk) => renderBulk(bulk, rules.timezone));
    const last = behind[limit - 1];
    const next = behind.length > limit && last ? `,"next_cursor":"${cursors.write([last.id], cursorText)}"` : '';
    exchange.answer(jsonOk, `{"total":${all.length},"items":[${items.join()}]${next}}`);
  };
  if (cluster === undefined) return answer(requests.bulks);
  bulksOfAll({ cluster, path: `${base}${operations.listBulks.path}` }, exchange, answer);
}

function known({ requests }: JobsContext, { parameter }: Exchange): BulkRecord {
  const id = parseBulkId(parameter);
  return found(id === undefined ? undefined : requests.bulks.find((each) => each.id === id));
}

/** @throws Refusal `not_found` */
function found(bulk: BulkRecord | undefined): BulkRecord {
  if (!bulk) throw new Refusal('not_found', 'There is no such bulk action; the last 100 that have ended are kept.');
  return bulk;
}
