/** The resources `/pause` and `/resume`: whether the server starts anything at all. */
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { readHold } from '../../api/validate.js';
import { formatInstant } from '../../domain/time/instant.js';
import { parseOptional } from '../bodies/json-body.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import { type JobsContext, submitTo } from './jobs.js';

export function pauseRoutes(context: JobsContext): Route[] {
  const { base, maxBodyBytes } = context;
  return [
    { ...at(base, operations.pause), maxBodyBytes, run: (exchange, body) => submit(context, exchange, body) },
    { ...at(base, operations.resume), run: (exchange) => submit(context, exchange, undefined) },
  ];
}

/** @param body of a pause; undefined: the pause ends */
function submit(context: JobsContext, exchange: Exchange, body: Buffer | undefined): void {
  const { requests } = context;
  const refusing = requests.refusing('settings');
  if (refusing) throw refusing;
  const faults = new Faults();
  const hold = body === undefined ? undefined : readHold(parseOptional(body, faults), faults);
  faults.throwIfAny();
  const request =
    hold === undefined ? ({ kind: 'resumeServer' } as const) : ({ kind: 'pauseServer', ...hold } as const);
  submitTo(context, exchange, request, body?.length ?? 0, (given) =>
    given.ok ? exchange.answer(jsonOk, shown(context)) : exchange.refuse(given.refusal),
  );
}

function shown({ requests, rules }: JobsContext): string {
  const { paused } = requests.settings.server;
  if (paused === undefined) return '{"paused":false}';
  const { reason, since } = paused;
  return JSON.stringify({ paused: true, reason, since: formatInstant(since, rules.timezone) });
}
