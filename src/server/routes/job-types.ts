/**
 * The resource `/job-types`: what handlers there are, with the defaults of their jobs, and types that have jobs to run and
 * no handler; what users have set of them.
 */

import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { readHold } from '../../api/validate.js';
import { Refusal } from '../../domain/errors.js';
import { formatDuration } from '../../domain/time/duration.js';
import { parseOptional } from '../bodies/json-body.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import type { JobTypes } from '../job-types.js';
import type { JobsOfTypes, JobType } from '../ports.js';
import { type JobsContext, submitTo } from './jobs.js';

/** What bounds the attempts of all types together. */
export interface Capacity {
  readonly threads: number;
  readonly attemptsPerThread: number;
}

/** What these routes work with. */
export interface JobTypesContext extends JobsContext {
  readonly types: JobTypes;
  readonly capacity: Capacity;
  readonly jobsOfTypes: JobsOfTypes;
}

/** A type that is shown. */
interface Shown {
  readonly name: string;
}

export function jobTypesRoutes(context: JobTypesContext): Route[] {
  const { base, maxBodyBytes, requests, types, jobsOfTypes } = context;
  const { threads, attemptsPerThread } = context.capacity;
  const withSettings = (type: Shown): Shown => {
    const { paused } = requests.settings.types.get(type.name) ?? {};
    return paused === undefined ? type : { ...type, ...pauseFields(paused) };
  };
  const show = (name: string): Shown | undefined => {
    const handler = types.get(name);
    if (handler !== undefined) return withSettings(shownHandler(handler));
    if (jobsOfTypes.count(name) === 0) return undefined;
    return withSettings(shownWithout(name, jobsOfTypes.pending(name)));
  };
  const list = (): string => {
    const waiting = jobsOfTypes.withoutHandler().map(({ name }) => name);
    const names = new Set([...types.names, ...waiting, ...requests.settings.types.keys()]);
    const items = [...names].sort().flatMap((name) => show(name) ?? []);
    return JSON.stringify({ total: items.length, items, threads, attempts_per_thread: attemptsPerThread });
  };
  const answer = (exchange: Exchange): void => {
    const shown = show(exchange.parameter);
    if (shown === undefined) throw noSuchType();
    exchange.answer(jsonOk, JSON.stringify(shown));
  };
  const submit = (exchange: Exchange, kind: 'pauseType' | 'resumeType', body: Buffer): void => {
    const name = exchange.parameter;
    if (show(name) === undefined) throw noSuchType();
    const refusing = requests.refusing();
    if (refusing) throw refusing;
    const faults = new Faults();
    const hold = kind === 'pauseType' ? readHold(parseOptional(body, faults), faults) : {};
    faults.throwIfAny();
    submitTo(context, exchange, { kind, name, ...hold }, body.length, (given) =>
      given.ok ? answer(exchange) : exchange.refuse(given.refusal),
    );
  };
  return [
    { ...at(base, operations.jobTypes), run: (exchange) => exchange.answer(jsonOk, list()) },
    { ...at(base, operations.jobType), run: answer },
    {
      ...at(base, operations.pauseJobType),
      maxBodyBytes,
      run: (exchange, body) => submit(exchange, 'pauseType', body),
    },
    { ...at(base, operations.resumeJobType), run: (exchange, body) => submit(exchange, 'resumeType', body) },
  ];
}

function shownHandler(type: JobType): Shown {
  const { name, description, timeoutMs, concurrency, maxRetries, retryDelayMs, payload } = type;
  const { maxRetryDelayMs, retryJitter, expiresAfterMs, priority } = type;
  const shown = {
    name,
    description,
    timeout: formatDuration(timeoutMs, 'up'),
    // JSON has no infinity: null is "unbounded".
    concurrency: Number.isFinite(concurrency) ? concurrency : null,
    max_retries: maxRetries,
    retry_delay: formatDuration(retryDelayMs, 'up'),
    ...(maxRetryDelayMs !== undefined && { max_retry_delay: formatDuration(maxRetryDelayMs, 'up') }),
    ...(retryJitter !== undefined && { retry_jitter: retryJitter }),
    ...(expiresAfterMs !== undefined && { expires_after: formatDuration(expiresAfterMs, 'up') }),
    ...(priority !== undefined && { priority }),
    ...(payload && { payload_schema: payload.schema }),
  };
  return shown;
}

function shownWithout(name: string, pending: number): Shown {
  const shown = { name, handler: null, counts: { pending } };
  return shown;
}

function pauseFields({ reason }: { readonly reason?: string | undefined }): object {
  return { paused: true, ...(reason !== undefined && { pause_reason: reason }) };
}

function noSuchType(): Refusal {
  return new Refusal('not_found', 'There is no job type with this name: it has neither a handler nor jobs.');
}
