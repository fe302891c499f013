/** What tests of taking shards stand on: rows, and a node whose every call of database and host waits for the test. */
import { GivenUp } from '../../../src/cluster/leases/given-up.js';
import type { Given } from '../../../src/cluster/leases/host.js';
import type { View } from '../../../src/cluster/leases/members.js';
import { Taking } from '../../../src/cluster/leases/taking.js';
import { type NodeRow, type RandomId, type ShardRow, UnknownEnd } from '../../../src/store/postgres/database.js';

/** What has been answered is acted on. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Waiting<T> {
  readonly what: string;
  end(value: T): Promise<void>;
  /** @param error absent: the database was away */
  fail(error?: Error): Promise<void>;
}

export function node(name: string, details: Partial<NodeRow> = {}): NodeRow {
  return { node: name, beat: 100, address: '', format: 1, dead: false, leaving: false, facts: '{}', ...details };
}

export function shard(number: number, owner: string | null, epoch = 1): ShardRow {
  return { shard: number, owner, token: `${number} of ${epoch}`, epoch, timeline: 0, merged: 0 };
}

/** The taking of a node called `self`, whose ports wait until the test ends each call. */
export function begin(formerSelf?: RandomId) {
  let marks = 0;
  let now = 0;
  const givenUp = new GivenUp(() => now);
  const drops: Waiting<void>[] = [];
  const later = { drops: false };
  const lease = { node: 'self' as RandomId | undefined, isLive: true, isLeaving: false };
  const told: string[] = [];
  const takes: Waiting<ShardRow | undefined>[] = [];
  const timelines: Waiting<boolean>[] = [];
  const opens: Waiting<void>[] = [];
  const gives: Waiting<Given>[] = [];
  const wait = <T>(list: Waiting<T>[], what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const remove = (): void => {
        list.splice(list.indexOf(waiting), 1);
      };
      const waiting: Waiting<T> = {
        what,
        end: async (value) => {
          remove();
          resolve(value);
          await turn();
        },
        fail: async (error = new UnknownEnd('not just now')) => {
          remove();
          reject(error);
          await turn();
        },
      };
      list.push(waiting);
    });
  const taking = new Taking({
    database: {
      take: (number, token) => wait(takes, `${number} by ${token}`),
      beginTimeline: (number, token) => wait(timelines, `${number} by ${token}`),
      endBackends: async (of) => {
        told.push(`ended ${of}`);
      },
    },
    host: {
      open: (row, isLeft) => wait(opens, `${row.shard} of ${row.epoch}${isLeft ? ', left' : ''}`),
      drop: async (number) => {
        told.push(`dropped ${number}`);
        if (later.drops) await wait(drops, `${number}`);
      },
      give: (row, to) => wait(gives, `${row.shard} to ${to}`),
    },
    ...{ mark: () => ++marks, lease, mayTake: () => true, formerSelf },
    lost: ({ shard }) => told.push(`lost ${shard}`),
    rewound: ({ shard }) => told.push(`rewound ${shard}`),
    failed: (number) => told.push(`failed ${number}`),
    left: ({ shard }, reason) => told.push(`left ${shard}: ${reason}`),
    givenUp,
  });
  /** A look that begins now and is answered now. */
  const look = async (shards: readonly ShardRow[], nodes: readonly NodeRow[]): Promise<View> => {
    const view = { shards, nodes, mark: ++marks };
    taking.seen(view);
    await turn();
    return view;
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  const waiting = { takes, timelines, opens, gives, drops };
  return { ...waiting, ...{ taking, lease, told, look, pass, later, givenUp }, mark: () => ++marks };
}

/** One that has opened shard 0. */
export async function owning() {
  const side = begin();
  await side.look([shard(0, 'self', 2)], [node('self')]);
  await side.opens[0]?.end();
  return side;
}
