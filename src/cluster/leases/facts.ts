/** What a node tells the others in its row. Others may be of another version: what is missing or strange says nothing. */
import type { NodeRow } from '../../store/postgres/database.js';
import type { GivenUpShard } from './given-up.js';

/** How far a node is with what users set: the last change that it goes by. */
export interface AppliedSettings {
  readonly version: number;
  readonly id: string;
}

/** See the head of this file. */
export interface NodeFacts {
  /** It takes shards. */
  readonly takes: boolean;
  /** Shards of others that it has loaded and follows: it could own them at once. */
  readonly ready: readonly number[];
  /**
   * The last slice of their pages that it has loaded, by shard; null where there was none. With later ones it would have to load the shard anew.
   * Absent: it is to be given the shard whatever was written since.
   */
  readonly slices?: Readonly<Record<number, string | null>> | undefined;
  /** These, and those that it loads. */
  readonly follows?: readonly number[] | undefined;
  /** It has been there for long enough to be given shards that others own. */
  readonly settled?: boolean | undefined;
  /** When the first job of each of its shards is due, Unix milliseconds: who takes over begins with those. By shard. */
  readonly due: Readonly<Record<number, number>>;
  /** What its sessions in the database are found by: the first id of its process. Later ones, after an end, have the same sessions. */
  readonly sessions?: string | undefined;
  /** Absent: it has read none yet. */
  readonly settings?: AppliedSettings | undefined;
  /** The database's clock less its own, in milliseconds; absent: it does not know yet. */
  readonly clockOffset?: number | undefined;
  /** Shards that it could not run, and leaves to others for a while. By shard. */
  readonly givenUp?: Readonly<Record<number, GivenUpShard>> | undefined;
  /** Digest of the job types that it declares; absent: none yet. */
  readonly types?: string | undefined;
}

const none: NodeFacts = { takes: true, ready: [], due: {} };

export function writeFacts(facts: NodeFacts): string {
  return JSON.stringify(facts);
}

export function readFacts(text: string): NodeFacts {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return none;
  }
  if (typeof read !== 'object' || read === null) return none;
  const { takes, ready, slices, follows, settled, due, sessions, settings, clockOffset, givenUp, types } =
    read as Partial<Record<keyof NodeFacts, unknown>>;
  return {
    takes: takes !== false,
    ready: shardsIn(ready),
    slices: slicesOf(slices),
    follows: shardsIn(follows),
    settled: typeof settled === 'boolean' ? settled : undefined,
    due: typeof due === 'object' && due !== null ? (due as Record<number, number>) : {},
    sessions: typeof sessions === 'string' ? sessions : undefined,
    settings: appliedOf(settings),
    clockOffset: typeof clockOffset === 'number' ? clockOffset : undefined,
    givenUp: givenUpOf(givenUp),
    types: typeof types === 'string' ? types : undefined,
  };
}

/** When the first job of each shard is due, as owners have said last, the dead ones too. */
export function dueTimes(nodes: readonly NodeRow[]): ReadonlyMap<number, number> {
  const due = new Map<number, number>();
  for (const { facts } of nodes)
    for (const [shard, at] of Object.entries(readFacts(facts).due)) due.set(Number(shard), at);
  return due;
}

function shardsIn(list: unknown): readonly number[] {
  return Array.isArray(list) ? list.filter((shard): shard is number => Number.isInteger(shard)) : [];
}

function slicesOf(read: unknown): Readonly<Record<number, string | null>> {
  if (typeof read !== 'object' || read === null) return {};
  return Object.fromEntries(Object.entries(read).filter(([, id]) => typeof id === 'string' || id === null));
}

function appliedOf(read: unknown): AppliedSettings | undefined {
  if (typeof read !== 'object' || read === null) return undefined;
  const { version, id } = read as Partial<Record<keyof AppliedSettings, unknown>>;
  return typeof version === 'number' && typeof id === 'string' ? { version, id } : undefined;
}

function givenUpOf(read: unknown): Readonly<Record<number, GivenUpShard>> {
  if (typeof read !== 'object' || read === null) return {};
  const all: Record<number, GivenUpShard> = {};
  for (const [shard, said] of Object.entries(read)) {
    const { epoch, reason } = Object(said) as Partial<Record<keyof GivenUpShard, unknown>>;
    if (typeof epoch === 'number' && typeof reason === 'string') all[Number(shard)] = { epoch, reason };
  }
  return all;
}
