/** What the other nodes of a cluster ask about keys that shards of this one have. Nobody else finds it. */
import { type NamesAnswer, type NamesAsked, namesPath, said } from '../../cluster/keys/peer-names.js';
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import type { Requests } from '../../scheduler/messages.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';

/** The jobs that have keys now, by `placeOfJobKey`; undefined: the shard is not here. */
export type KeyedJobs = (shard: number, places: readonly string[]) => readonly (Job | undefined)[] | undefined;

export interface NamesRouteContext {
  readonly requests: Requests;
  readonly jobsOf: KeyedJobs;
}

/** What has been read takes more room than it did as it came. */
const maxBodyBytes = 2 * limits.batchBytes;

/** See the head of this file. */
export function namesRoute({ requests, jobsOf }: NamesRouteContext): Route {
  const answer = (exchange: Exchange, said: NamesAnswer): void => exchange.answer(jsonOk, JSON.stringify(said));
  return {
    method: 'POST',
    path: namesPath,
    maxBodyBytes,
    run(exchange, body) {
      if (!exchange.fromPeer) throw new Refusal('not_found', 'Nothing is here.');
      const asked = JSON.parse(body.toString()) as NamesAsked;
      if ('create' in asked) {
        const request = { kind: 'createEach', items: asked.create, isPassedOn: true } as const;
        return requests.request(request, body.length, (made) => {
          if (exchange.over) return;
          if (!made.ok) exchange.refuse(made.refusal);
          else answer(exchange, { each: 'each' in made ? made.each.map(said) : [] });
        });
      }
      const jobs = jobsOf(asked.shard, asked.places);
      if (jobs === undefined) throw new Refusal('misdirected_host', 'This node does not own that shard.');
      answer(exchange, { jobs: jobs.map((job) => job ?? null) });
    },
  };
}
