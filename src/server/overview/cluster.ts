/** The resource `/cluster`: nodes and shards, and who owns what. */
import type { nodeStates } from '../../api/cluster/operations.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { Refusal } from '../../domain/errors.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';
import { atOnce, type ClusterContext } from '../peers/gathering.js';

/** A cluster as one of its nodes sees it at this moment. */
export interface ClusterView {
  /** Id of that node. */
  readonly node: string;
  readonly nodes: readonly NodeView[];
  /** In order of their numbers. */
  readonly shards: readonly ShardView[];
}

export interface NodeView {
  readonly node: string;
  /** A URL. */
  readonly address: string;
  readonly state: (typeof nodeStates)[number];
  /** Milliseconds; undefined where no beat was seen yet. */
  readonly beatAgeMs?: number | undefined;
  /** Its clock less the database's, milliseconds. */
  readonly clockOffsetMs?: number | undefined;
}

/** Positions are those of the shard's log. */
export interface ShardView {
  readonly shard: number;
  readonly owner: string | null;
  readonly epoch: number;
  readonly appended?: number | undefined;
  readonly applied?: number | undefined;
  readonly merged: number;
  readonly loadMs?: number | undefined;
  /** Nodes that could not run it, and why; absent: none. */
  readonly givenUp?: readonly { readonly node: string; readonly reason: string }[];
}

export interface ClusterRouteContext {
  /** Absent: this server is none of a cluster. */
  readonly view: (() => ClusterView) | undefined;
  /** Each owner alone knows how far its shards have come; absent: nobody is asked. */
  readonly cluster?: Pick<ClusterContext, 'gathering'> | undefined;
}

export function clusterRoutes(base: string, { view, cluster }: ClusterRouteContext): Route[] {
  return [
    {
      ...at(base, operations.cluster),
      run: (exchange) => {
        if (view === undefined)
          throw new Refusal('not_found', 'This server keeps its jobs in a directory of its own: it is no cluster.');
        const answer = (seen: ClusterView): void => exchange.answer(jsonOk, JSON.stringify(shown(seen)));
        if (cluster === undefined) return answer(view());
        const question = {
          path: `${base}${operations.cluster.path}`,
          of: 'nodes' as const,
          part: () => atOnce(() => view().shards.filter(({ appended }) => appended !== undefined)),
        };
        cluster.gathering.run(exchange, question, (parts) =>
          answer(
            withProgress(
              view(),
              parts.flatMap(({ part }) => part),
            ),
          ),
        );
      },
    },
  ];
}

/** What is seen here, with what owners have said of their shards. One may have come to another node since either. */
export function withProgress(view: ClusterView, said: readonly ShardView[]): ClusterView {
  const shards = view.shards.map((seen) =>
    said.reduce((best, one) => (one.shard === best.shard && one.epoch >= best.epoch ? one : best), seen),
  );
  return { ...view, shards };
}

function shown({ node: answering, nodes, shards }: ClusterView): object {
  return {
    node: answering,
    nodes: nodes.map(({ node, address, state, beatAgeMs, clockOffsetMs }) => ({
      node,
      address,
      state,
      beat_age_ms: rounded(beatAgeMs),
      clock_offset_ms: rounded(clockOffsetMs),
      shards: shards.filter(({ owner }) => owner === node).length,
    })),
    shards: shards.map(({ loadMs, givenUp = [], ...shard }) => ({
      ...shard,
      load_ms: rounded(loadMs),
      ...(givenUp.length > 0 && { given_up: givenUp }),
    })),
  };
}

const rounded = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));
