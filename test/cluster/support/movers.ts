/** Hosts whose shards move as nodes decide that, from what these say in their rows. A look at the rows is asked for. */
import { writeFacts } from '../../../src/cluster/leases/facts.js';
import type { View } from '../../../src/cluster/leases/members.js';
import { Moving } from '../../../src/cluster/leases/moving.js';
import { settledBeats } from '../../../src/cluster/leases/ownership.js';
import type { NodeRow } from '../../../src/store/postgres/database.js';
import type { Host } from './host.js';

interface Mover {
  readonly host: Host;
  readonly moving: Moving;
  isLeaving: boolean;
}

export class Movers {
  readonly #movers: readonly Mover[];
  /** Shards that are being given or opened. */
  readonly #busy = new Set<number>();
  /** What could not be followed. */
  readonly failures: Error[] = [];

  constructor(hosts: readonly Host[]) {
    this.#movers = hosts.map((host) => this.#moverOf(host));
  }

  #moverOf(host: Host): Mover {
    const openHere = (): number[] =>
      host.shards.all.map(({ numbers }) => numbers.shard).filter((shard) => !this.#busy.has(shard));
    const mover: Mover = {
      host,
      isLeaving: false,
      moving: new Moving({
        host: host.host,
        lease: {
          node: host.name,
          isLive: true,
          get isLeaving() {
            return mover.isLeaving;
          },
        },
        taking: {
          get open() {
            return openHere();
          },
          holds: (shard) => host.shards.get(shard) !== undefined,
          give: (shard, to) => this.#alone(shard, () => host.host.give(host.row(shard), to)),
        },
        mayTake: () => true,
        failed: (_, reason) => this.failures.push(reason),
      }),
    };
    return mover;
  }

  leave(host: Host): void {
    this.#of(host).isLeaving = true;
  }

  /** The host looks at the rows, and acts. */
  look(host: Host): void {
    const { moving } = this.#of(host);
    moving.seen(this.#view(host));
    // As `Taking` does.
    for (const row of host.fake.tables.shards())
      if (row.owner === host.name && host.shards.get(row.shard) === undefined)
        void this.#alone(row.shard, () => host.host.open(row));
  }

  #view(host: Host): View {
    const nodes = this.#movers.map(({ host: { name }, moving, isLeaving }): NodeRow => {
      const { ready, slices, follows } = moving;
      const facts = writeFacts({ takes: true, ready, slices, follows, settled: true, due: {} });
      return { node: name, beat: settledBeats, address: '', format: 1, dead: false, leaving: isLeaving, facts };
    });
    return { shards: host.fake.tables.shards(), nodes, mark: 0 };
  }

  async #alone(shard: number, work: () => Promise<unknown>): Promise<void> {
    if (this.#busy.has(shard)) return;
    this.#busy.add(shard);
    await work().finally(() => this.#busy.delete(shard));
  }

  #of(host: Host): Mover {
    return this.#movers.find((each) => each.host === host) as Mover;
  }
}
