/** What a node tells the others in its row. Others may be of another version: what is missing or strange says nothing. */

/** How far a node follows what users set: the last change that it goes by. */
export interface FollowedSettings {
  readonly version: number;
  readonly id: string;
}

/** See the head of this file. */
export interface NodeFacts {
  /** It takes shards. */
  readonly takes: boolean;
  /** Shards of others that it has loaded and follows: it could own them at once. */
  readonly ready: readonly number[];
  /** When the first job of each of its shards is due, Unix milliseconds: who takes over begins with those. By shard. */
  readonly due: Readonly<Record<number, number>>;
  /** What its sessions in the database are found by: the first id of its process. Later ones, after an end, have the same sessions. */
  readonly sessions?: string | undefined;
  /** Absent: it has read none yet. */
  readonly settings?: FollowedSettings | undefined;
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
  const { takes, ready, due, sessions, settings, types } = read as Partial<Record<keyof NodeFacts, unknown>>;
  return {
    takes: takes !== false,
    ready: Array.isArray(ready) ? ready.filter((shard): shard is number => Number.isInteger(shard)) : [],
    due: typeof due === 'object' && due !== null ? (due as Record<number, number>) : {},
    sessions: typeof sessions === 'string' ? sessions : undefined,
    settings: followed(settings),
    types: typeof types === 'string' ? types : undefined,
  };
}

function followed(read: unknown): FollowedSettings | undefined {
  if (typeof read !== 'object' || read === null) return undefined;
  const { version, id } = read as Partial<Record<keyof FollowedSettings, unknown>>;
  return typeof version === 'number' && typeof id === 'string' ? { version, id } : undefined;
}
