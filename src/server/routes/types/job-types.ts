/**
 * The resource `/job-types`: what handlers there are, with the defaults of their jobs, and types that have jobs to run and
 * no handler; what users have set of them.
 */

import { Faults } from '../../../api/faults.js';
import { readTypeChange } from '../../../api/fields/type-change.js';
import { at } from '../../../api/operation.js';
import { operations } from '../../../api/operations.js';
import { readHold } from '../../../api/validate.js';
import { Refusal } from '../../../domain/errors.js';
import type { Request } from '../../../scheduler/messages.js';
import { parseJson, parseOptional } from '../../bodies/json-body.js';
import type { Route } from '../../http/app.js';
import type { Exchange } from '../../http/exchange.js';
import { jsonOk } from '../../http/response-head.js';
import type { JobTypes } from '../../job-types.js';
import type { JobsOfTypes } from '../../ports.js';
import { answerInSteps } from '../in-steps.js';
import { type JobsContext, submitTo } from '../jobs.js';
import { type CountedTypes, countsOf, countTypes, mergedTypes, recentOf } from './all-types.js';
import { type Shown, shownType } from './shown-type.js';

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

type TypeRequest = Extract<Request, { kind: 'pauseType' | 'resumeType' | 'setType' }>;

export function jobTypesRoutes(context: JobTypesContext): Route[] {
  const { base, maxBodyBytes, requests, types, jobsOfTypes, queries, clock, cluster } = context;
  const { threads, attemptsPerThread } = context.capacity;
  const isKnown = (name: string): boolean => types.has(name) || jobsOfTypes.count(name) > 0;
  const show = (name: string, counted: CountedTypes): Shown => {
    const { pending, due, running } = countsOf(counted, name);
    const facts = {
      handler: types.get(name),
      set: requests.settings.types.get(name) ?? {},
      counts: { pending, due, running },
      recent: recentOf(counted, name),
    };
    return shownType(name, facts);
  };
  /** @param names of these; absent: of all */
  const count = (exchange: Exchange, answer: (counted: CountedTypes) => void, names?: readonly string[]): void => {
    if (cluster === undefined) {
      const counting = countTypes(queries, jobsOfTypes, clock.now(), names);
      return answerInSteps(context.turns, exchange, counting, answer);
    }
    const question = {
      path:
        base + (names === undefined ? operations.jobTypes.path : `/job-types/${encodeURIComponent(names[0] ?? '')}`),
      of: 'shards and nodes' as const,
      part: (shards: readonly number[]) =>
        countTypes(cluster.own(shards), cluster.jobsOfTypes(shards), clock.now(), names),
    };
    cluster.gathering.run(exchange, question, (parts) => answer(mergedTypes(parts)));
  };
  /** Answers with what `write` makes of what is counted. */
  const answerWith = (exchange: Exchange, write: (counted: CountedTypes) => unknown, names?: readonly string[]): void =>
    count(exchange, (counted) => exchange.answer(jsonOk, JSON.stringify(write(counted))), names);
  const list = (exchange: Exchange): void =>
    answerWith(exchange, (counted) => {
      const waiting = Object.keys(counted.counts).filter((name) => countsOf(counted, name).pending > 0);
      const names = new Set([...types.names, ...waiting, ...requests.settings.types.keys()]);
      const items = [...names]
        .filter((name) => types.has(name) || countsOf(counted, name).jobs > 0)
        .sort()
        .map((name) => show(name, counted));
      return { total: items.length, items, threads, attempts_per_thread: attemptsPerThread };
    });
  const answer = (exchange: Exchange): void => {
    const name = exchange.parameter;
    answerWith(
      exchange,
      (counted) => {
        if (!types.has(name) && countsOf(counted, name).jobs === 0) throw noSuchType();
        return show(name, counted);
      },
      [name],
    );
  };
  const submit = (exchange: Exchange, read: (faults: Faults) => TypeRequest): void => {
    const name = exchange.parameter;
    const isHere = isKnown(name);
    if (!isHere && cluster === undefined) throw noSuchType();
    const refusing = requests.refusing('settings');
    if (refusing) throw refusing;
    const faults = new Faults();
    const request = read(faults);
    if (isHere) faults.throwIfAny();
    const set = (): void =>
      submitTo(context, exchange, request, 0, (given) =>
        given.ok ? answer(exchange) : exchange.refuse(given.refusal),
      );
    if (isHere) return set();
    // Other nodes may have jobs of it.
    count(
      exchange,
      (counted) => {
        if (countsOf(counted, name).jobs === 0) throw noSuchType();
        faults.throwIfAny();
        set();
      },
      [name],
    );
  };
  return [
    { ...at(base, operations.jobTypes), run: list },
    { ...at(base, operations.jobType), run: answer },
    {
      ...at(base, operations.pauseJobType),
      maxBodyBytes,
      run: (exchange, body) =>
        submit(exchange, (faults) => ({
          kind: 'pauseType',
          name: exchange.parameter,
          ...readHold(parseOptional(body, faults), faults),
        })),
    },
    {
      ...at(base, operations.resumeJobType),
      run: (exchange) => submit(exchange, () => ({ kind: 'resumeType', name: exchange.parameter })),
    },
    {
      ...at(base, operations.setJobType),
      maxBodyBytes,
      run: (exchange, body) =>
        submit(exchange, (faults) => ({
          kind: 'setType',
          name: exchange.parameter,
          change: readTypeChange(parseJson(body, faults), faults),
        })),
    },
  ];
}

function noSuchType(): Refusal {
  return new Refusal('not_found', 'There is no job type with this name: it has neither a handler nor jobs.');
}
