/** What is different in a cluster: requests are passed on to the nodes that have what they are about, and answers put together. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import type { Peers } from '../../cluster/peers.js';
import type { Turns } from '../bodies/turns.js';
import type { Route } from '../http/app.js';
import { type Forwarding, forwarded, withShards } from './forwarded-route.js';
import { type ClusterContext, Gathering } from './gathering.js';
import { keyedCreations } from './keyed-creation.js';
import { namesOfRequest } from './names-of-request.js';

/** What the server is given of its cluster. */
export interface ClusterParts {
  /** The other nodes; absent: there is no cluster. */
  readonly peers?: Peers | undefined;
  readonly own?: Pick<ClusterContext, 'own' | 'jobsOfTypes' | 'bulks'> | undefined;
  readonly clock: Clock;
}

function forwardingOf(peers: Peers, clock: Clock): Forwarding {
  return { peers, now: () => clock.monotonic(), sleep: (ms) => sleep(ms) };
}

/** Requests about a job go to the node that owns its shard, those for new ones to one that has shards. @param base path of the API */
export function withOwners(routes: readonly Route[], base: string, { peers, clock }: ClusterParts): readonly Route[] {
  if (peers === undefined) return routes;
  const forwarding = forwardingOf(peers, clock);
  return routes.map((route) => {
    if (route.path.startsWith(`${base}/jobs/:`)) return forwarded(route, forwarding);
    if (route.method !== 'POST') return route;
    if (route.path === `${base}/jobs`) return withShards(route, forwarding, namesOfRequest);
    // Of a list whoever gets it asks the others for its items.
    return route.path === `${base}/jobs/batch` ? withShards(route, forwarding) : route;
  });
}

/** What routes need; undefined: there is no cluster. @param base path of the API */
export function clusterOf({ peers, own, clock }: ClusterParts, base: string, turns: Turns): ClusterContext | undefined {
  if (peers === undefined || own === undefined) return undefined;
  const forwarding = forwardingOf(peers, clock);
  const keyed = keyedCreations(forwarding, `${base}/jobs`);
  return { gathering: new Gathering({ ...forwarding, turns }), keyed, ...own };
}
