/**
 * The job types of a cluster: those that this node has handlers for, and those of all other nodes that live. Each node keeps what it
 * declares in the database, and names it in its row by a digest. Whoever sees a digest that it does not know reads it there.
 *
 * A job of any of these types can be made anywhere, with the defaults of its handler and held against its payload schema. It runs where
 * its owner has the handler, and waits where that has not. Where nodes declare a type differently, each goes by its own.
 */
import type { Logger } from '../../log.js';
import type { HandlerInfo } from '../../pool/port.js';
import type { Database, DeclaredTypes, NodeRow, RandomId } from '../../store/postgres/database.js';
import { readFacts } from '../leases/facts.js';
import { declare, readDeclared } from './declared-types.js';

export interface ClusterTypesPorts<Type extends HandlerInfo> {
  readonly database: Pick<Database, 'declareTypes' | 'declaredTypes'>;
  /** The last look at the nodes: another object each time. */
  readonly view: () => { readonly nodes: readonly NodeRow[] } | undefined;
  /** This node; undefined while it has not joined. */
  readonly self: () => RandomId | undefined;
  /** Makes job types of what another node declares. @throws Error when it cannot be used */
  readonly compile: (declared: readonly HandlerInfo[]) => Promise<readonly Type[]>;
  /** The others are to hear soon what this node declares. */
  readonly tell: () => void;
  /** From now on these are the types of the cluster, those of this node first. */
  readonly changed: (all: readonly Type[]) => void;
  readonly log: Logger;
}

/** See the head of this file. */
export class ClusterTypes<Type extends HandlerInfo> {
  readonly #ports: ClusterTypesPorts<Type>;
  #own: readonly Type[];
  #declared: DeclaredTypes;
  /** What the others can read. */
  #kept: string | undefined;
  /** By digest; those that cannot be used are empty. */
  readonly #read = new Map<string, readonly Type[]>();
  #elsewhere: ReadonlyMap<string, Type> = new Map();
  #seen: unknown;
  /** As they were seen last. */
  #nodes: readonly NodeRow[] = [];
  #isBusy = false;

  constructor(ports: ClusterTypesPorts<Type>, own: readonly Type[]) {
    this.#ports = ports;
    this.#own = own;
    this.#declared = declare(own);
  }

  /** What this node declares, for its row; undefined: the others could not read it yet. */
  get digest(): string | undefined {
    return this.#kept;
  }

  /** Those of this node first, the others in order of their names. */
  get all(): readonly Type[] {
    return [...this.#own, ...this.#elsewhere.values()];
  }

  /** What another node declares of a type that this one has no handler for. */
  elsewhere(name: string): Type | undefined {
    return this.#elsewhere.get(name);
  }

  /** The handlers of this node were read anew. */
  replaceOwn(types: readonly Type[]): void {
    this.#own = types;
    this.#declared = declare(types);
    this.#join(true);
  }

  /** This node comes anew: what it has declared the database may have lost, or removed. */
  begunAnew(): void {
    this.#kept = undefined;
  }

  /** These are the nodes at the start, before any look. Resolves when what they declare is known. */
  async begin(nodes: readonly NodeRow[]): Promise<void> {
    this.#nodes = nodes;
    await this.#readAll(this.#digests());
  }

  /** Writes and reads what there is to be. */
  tick(): void {
    if (this.#isBusy) return;
    const work = this.#kept === this.#declared.digest ? this.#look() : this.#keep(this.#declared);
    if (work === undefined) return;
    this.#isBusy = true;
    // What the database refuses is tried again with the next look.
    const over = (): void => {
      this.#isBusy = false;
    };
    work.then(over, over);
  }

  async #keep(declared: DeclaredTypes): Promise<void> {
    await this.#ports.database.declareTypes(declared);
    this.#kept = declared.digest;
    this.#ports.tell();
  }

  /** Undefined: nothing is new. */
  #look(): Promise<void> | undefined {
    const view = this.#ports.view();
    if (view === undefined || view === this.#seen) return undefined;
    this.#seen = view;
    this.#nodes = view.nodes;
    const unknown = this.#digests().filter((digest) => !this.#read.has(digest));
    if (unknown.length > 0) return this.#readAll(unknown);
    this.#join(false);
    return undefined;
  }

  /** What the other nodes that live declare, each once, in order. */
  #digests(): readonly string[] {
    const self = this.#ports.self();
    const others = this.#nodes.filter(({ node, dead }) => !dead && node !== self);
    return [...new Set(others.flatMap(({ facts }) => readFacts(facts).types ?? []))].sort();
  }

  async #readAll(digests: readonly string[]): Promise<void> {
    for (const { digest, text } of await this.#ports.database.declaredTypes(digests))
      this.#read.set(digest, await this.#compile(text));
    this.#join(false);
  }

  async #compile(text: string): Promise<readonly Type[]> {
    try {
      return await this.#ports.compile(readDeclared(text));
    } catch (error) {
      // It may be of a later version.
      const { message: reason } = error as Error;
      this.#ports.log.warn(
        { reason },
        'the job types of another node cannot be used: this node refuses new jobs of them',
      );
      return [];
    }
  }

  /** @param isOwnNew also when those of the others are as before, it has changed */
  #join(isOwnNew: boolean): void {
    const { changed, log } = this.#ports;
    const digests = this.#digests();
    const own = new Set(this.#own.map(({ name }) => name));
    const found = new Map<string, Type>();
    for (const digest of digests)
      for (const type of this.#read.get(digest) ?? [])
        if (!own.has(type.name) && !found.has(type.name)) found.set(type.name, type);
    const elsewhere = new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
    const before = this.#elsewhere;
    const added = [...elsewhere.keys()].filter((name) => !before.has(name));
    const removed = [...before.keys()].filter((name) => !elsewhere.has(name));
    const isSame =
      added.length + removed.length === 0 && [...elsewhere].every(([name, type]) => before.get(name) === type);
    for (const digest of this.#read.keys()) if (!digests.includes(digest)) this.#read.delete(digest);
    if (isSame && !isOwnNew) return;
    this.#elsewhere = elsewhere;
    if (added.length + removed.length > 0) log.info({ added, removed }, 'the job types of other nodes have changed');
    changed(this.all);
  }
}
