/**
 * What jobs are found by beside status and type, in memory: the tree `labels`, turned round. It is as the log is at all times, since
 * both change with the same commits; a start reads the tree once.
 */
import type { Job } from '../../../domain/job.js';
import { isRepeating } from '../../../domain/job.js';
import type { Put } from '../../format/layout.js';
import {
  isGroup,
  type JobLabel,
  labelOf,
  labelPut,
  readLabel,
  seqOfLabel,
  wordsOf,
} from '../../format/trees/job-label.js';
import type { KvReader } from '../../kv/kv.js';
import { DamagedRecord, type JobChange } from '../../port.js';
import { FailedJobs } from './failed-jobs.js';
import { type Postings, PostingsTable, SeqSet } from './seq-set.js';
import { WordTable } from './word-table.js';

/** A job's label as it was, and as a commit leaves it. */
export interface LabelChange {
  readonly seq: number;
  readonly before: JobLabel | undefined;
  readonly after: JobLabel | undefined;
}

/** What a commit writes of them. */
export const labelPuts = (changes: readonly LabelChange[]): Put[] =>
  changes.map(({ seq, after }) => labelPut(seq, after));

/** See the head of this file. */
export class JobLabels {
  /** Those that have a label. */
  readonly #labelled = new SeqSet();
  readonly #words = new WordTable();
  /** With their words, since somebody asks which there are. */
  readonly #groups = new PostingsTable<string>();
  readonly repeating = new SeqSet();
  readonly paused = new SeqSet();
  readonly lastOutcome = { success: new SeqSet(), failed: new SeqSet() } as const;
  readonly failed = new FailedJobs();
  /** Those that have failed. */
  readonly #failing = new SeqSet();

  /** Reads the tree. @throws DamagedRecord, NewerRecord */
  load(kv: KvReader): void {
    const failed: { readonly group: number; readonly seq: number; readonly at: number }[] = [];
    for (const { key, value } of kv.entries('labels', {})) {
      const seq = seqOfLabel(key);
      const label = readLabel(value, key);
      this.#addFound(seq, label);
      if (label.failure !== undefined) failed.push({ seq, group: label.failure.group, at: label.failure.at });
    }
    if (this.#labelled.size !== kv.size('labels')) throw new DamagedRecord('the labels of jobs', 'are not complete');
    failed.sort((a, b) => a.at - b.at);
    for (const { group, seq, at } of failed) {
      this.#failing.add(seq);
      this.failed.add(group, { seq, at });
    }
  }

  /** Jobs that have failed. */
  get failing(): number {
    return this.#failing.size;
  }

  /** The jobs that have a word. */
  withWord(word: string): Postings | undefined {
    return this.#tableOf(word).get(word);
  }

  /** The words of groups that jobs have, and which do. */
  groups(): Iterable<readonly [string, Postings]> {
    return this.#groups.entries();
  }

  isFailed(seq: number): boolean {
    return this.#failing.has(seq);
  }

  /** Jobs that have a label. */
  get size(): number {
    return this.#labelled.size;
  }

  has(seq: number): boolean {
    return this.#labelled.has(seq);
  }

  /**
   * What a commit makes of a job's label; undefined when that stays as it is.
   *
   * @param before the job as it is on disk: asked for only where that matters, and now, as readers may see the commit before it is told of
   */
  changeOf(change: JobChange, before: (seq: number) => Job | undefined): LabelChange | undefined {
    const { job, removed } = change;
    const { seq } = job.spec;
    const isKnown = this.#labelled.has(seq);
    if (this.#stays(change, isKnown)) return undefined;
    const known = isKnown ? before(seq) : undefined;
    const label = removed ? undefined : labelOf(job);
    if (label === undefined && !isKnown) return undefined;
    return { seq, before: known && labelOf(known), after: label };
  }

  /** Takes what has been committed. */
  apply({ seq, before, after }: LabelChange): void {
    if (before) this.#remove(seq, before);
    if (after) this.#add(seq, after);
  }

  dispose(): void {
    for (const set of [this.#labelled, this.#failing, this.repeating, this.paused, ...Object.values(this.lastOutcome)])
      set.dispose();
    this.#words.dispose();
    this.#groups.dispose();
    this.failed.dispose();
  }

  #tableOf(word: string): WordTable | PostingsTable<string> {
    return isGroup(word) ? this.#groups : this.#words;
  }

  /** Whether the label stays as it is: so it mostly does, and is not even made then. */
  #stays({ job, specChanged, removed }: JobChange, isKnown: boolean): boolean {
    if (!isKnown) return removed || isPlain(job);
    const { seq } = job.spec;
    const { status, pause, lastOutcome } = job.state;
    if (removed || specChanged || status === 'failed' || this.#failing.has(seq)) return false;
    const { success, failed } = this.lastOutcome;
    const known = success.has(seq) ? 'success' : failed.has(seq) ? 'failed' : undefined;
    return this.paused.has(seq) === (pause !== null) && known === lastOutcome;
  }

  /** What a label says, but for a failure. */
  #addFound(seq: number, { words, repeats, paused, lastOutcome }: JobLabel): void {
    this.#labelled.add(seq);
    for (const word of words) this.#tableOf(word).add(word, seq);
    if (repeats) this.repeating.add(seq);
    if (paused) this.paused.add(seq);
    if (lastOutcome !== undefined) this.lastOutcome[lastOutcome].add(seq);
  }

  #add(seq: number, label: JobLabel): void {
    this.#addFound(seq, label);
    const { failure } = label;
    if (failure === undefined) return;
    this.#failing.add(seq);
    this.failed.add(failure.group, { seq, at: failure.at });
    this.failed.order.sweep(this.#failing.size, (each) => this.#failing.has(each));
  }

  #remove(seq: number, { words, repeats, paused, lastOutcome, failure }: JobLabel): void {
    this.#labelled.delete(seq);
    for (const word of words) this.#tableOf(word).delete(word, seq);
    if (repeats) this.repeating.delete(seq);
    if (paused) this.paused.delete(seq);
    if (lastOutcome !== undefined) this.lastOutcome[lastOutcome].delete(seq);
    if (failure === undefined) return;
    this.#failing.delete(seq);
    this.failed.delete(failure.group, seq);
  }
}

/** There can be no label on it: asked of every job of every commit. */
function isPlain({ spec, state }: Job): boolean {
  return (
    state.status !== 'failed' &&
    state.pause === null &&
    state.lastOutcome === undefined &&
    !isRepeating(spec) &&
    wordsOf(spec).length === 0
  );
}
