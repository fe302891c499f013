/**
 * What is committed and not yet found through the store: the journal has it, the log and the trees take it up some commits later. Until
 * then it is here, on the thread that decides. Rows and details are in the memtable, which keeps them longer.
 */
import type { KeyHolder } from '../../domain/control/keys.js';
import type { JobSpec } from '../../domain/job.js';
import type { LogEnds, LogSource, RawRecord, RecordRange } from '../log/record-log.js';
import type { Changes, FinishedPlace, KeyUse } from '../port.js';
import { RecentRuns } from './recent-runs.js';

interface Commit {
  readonly position: number;
  readonly record: Buffer;
  readonly changes: Changes;
}

export class RecentCommits {
  /** In order. */
  readonly #commits: Commit[] = [];
  readonly #specs = new Map<number, { readonly spec: JobSpec; readonly position: number }>();
  readonly #keys = new Map<string, { readonly use: KeyUse; readonly position: number }>();

  readonly #jobKeys = new Map<string, { readonly holder: KeyHolder | undefined; readonly position: number }>();
  readonly runs = new RecentRuns();

  add(commit: Commit): void {
    const { position, changes } = commit;
    this.#commits.push(commit);
    for (const { job, specChanged, removed } of changes.jobs.values())
      if (specChanged && !removed) this.#specs.set(job.spec.seq, { spec: job.spec, position });
    this.runs.add(position, changes);
    for (const [name, use] of changes.keys) this.#keys.set(name, { use, position });
    for (const [place, holder] of changes.jobKeys) this.#jobKeys.set(place, { holder, position });
  }

  /** Readers of the store find all up to this position. */
  forget(position: number): void {
    for (let first = this.#commits[0]; first && first.position <= position; first = this.#commits[0]) {
      this.#commits.shift();
      for (const seq of first.changes.jobs.keys()) drop(this.#specs, seq, position);
      this.runs.forget(position, first.changes);
      for (const name of first.changes.keys.keys()) drop(this.#keys, name, position);
      for (const place of first.changes.jobKeys.keys()) drop(this.#jobKeys, place, position);
    }
  }

  spec(seq: number): JobSpec | undefined {
    return this.#specs.get(seq)?.spec;
  }

  keyUse(name: string): KeyUse | undefined {
    return this.#keys.get(name)?.use;
  }

  /** Who has a job's key by a commit here; without a holder: nobody. Undefined when no commit here says. */
  keyHolder(place: string): { readonly holder: KeyHolder | undefined } | undefined {
    return this.#jobKeys.get(place);
  }

  /** A commit here has taken it off the list of finished jobs. */
  hasPassed({ merge, from }: FinishedPlace): boolean {
    return this.#commits.some(({ changes: { passed } }) =>
      passed.some((place) => place.merge === merge && place.from === from),
    );
  }

  get records(): readonly Commit[] {
    return this.#commits;
  }
}

function drop<K>(from: Map<K, { readonly position: number }>, key: K, upTo: number): void {
  const found = from.get(key);
  if (found && found.position <= upTo) from.delete(key);
}

/** The log as it is with what is recent. */
export class CommittedLog implements LogSource {
  readonly #below: LogSource;
  readonly #recent: RecentCommits;

  constructor(below: LogSource, recent: RecentCommits) {
    this.#below = below;
    this.#recent = recent;
  }

  ends(): LogEnds | undefined {
    const ends = this.#below.ends();
    const { records } = this.#recent;
    const last = records.at(-1)?.position;
    if (last === undefined) return ends;
    return { first: ends?.first ?? (records[0]?.position as number), last: Math.max(last, ends?.last ?? 0) };
  }

  size(): number {
    const ends = this.#below.ends();
    return this.#below.size() + this.#behind(ends?.last ?? 0).length;
  }

  read(position: number): Buffer | undefined {
    const first = this.#recent.records[0]?.position ?? Number.POSITIVE_INFINITY;
    const recent = position < first ? undefined : this.#recent.records[position - first]?.record;
    // The store may have a commit that has not been reported yet.
    return recent ?? this.#below.read(position);
  }

  *records({ from = 0, to = Number.POSITIVE_INFINITY, reverse = false }: RecordRange): Iterable<RawRecord> {
    const behind = this.#behind(this.#below.ends()?.last ?? 0)
      .filter(({ position }) => position >= from && position < to)
      .map(({ position, record }) => ({ position, bytes: record }));
    const range = { from, reverse, ...(to !== Number.POSITIVE_INFINITY && { to }) };
    if (reverse) yield* behind.reverse();
    yield* this.#below.records(range);
    if (!reverse) yield* behind;
  }

  /** A snapshot may have been renewed before it was said that it has more. */
  #behind(last: number): readonly Commit[] {
    return this.#recent.records.filter(({ position }) => position > last);
  }
}
