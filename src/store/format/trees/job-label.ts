/**
 * What a job is found by beside its status and type, as bytes: an entry of the tree `labels` for each job that has such a thing. It is
 * written with the commit that changes it, so the tree is always as the log is.
 */

import { groupOfJob } from '../../../domain/finding/error-group.js';
import { isRepeating, type Job, type JobSpec, type RunOutcome } from '../../../domain/job.js';
import { DamagedRecord, NewerRecord } from '../../port.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { type Put, seal, unseal } from '../layout.js';
import { key, keyPart } from '../numbers.js';

/** Words that jobs are found by: what kind of word it is, then the word. */
export const wordOf = {
  tag: (tag: string): string => `t${tag}`,
  group: (group: string): string => `g${group}`,
  key: (name: string): string => `k${name}`,
} as const;

export const isGroup = (word: string): boolean => word.startsWith('g');
/** The group that a word stands for. */
export const groupOfWord = (word: string): string => word.slice(1);

export interface JobLabel {
  readonly words: readonly string[];
  readonly repeats: boolean;
  readonly paused: boolean;
  readonly lastOutcome: RunOutcome | undefined;
  /** Of a job that has failed: the group of its error, and when it failed, in Unix milliseconds. */
  readonly failure: { readonly group: number; readonly at: number } | undefined;
}

const none: readonly string[] = [];

/** The words of a spec. */
export function wordsOf(spec: JobSpec): readonly string[] {
  const { group, key: name } = spec;
  if (spec.tags === undefined && group === undefined && name === undefined) return none;
  return [
    ...(spec.tags ?? none).map(wordOf.tag),
    ...(group === undefined ? none : [wordOf.group(group)]),
    ...(name === undefined ? none : [wordOf.key(name)]),
  ];
}

/** The label of a job; undefined when there is nothing on it. */
export function labelOf(job: Job): JobLabel | undefined {
  const { spec, state } = job;
  const words = wordsOf(spec);
  const repeats = isRepeating(spec);
  const paused = state.pause !== null;
  const group = groupOfJob(job);
  if (words === none && !repeats && !paused && state.lastOutcome === undefined && group === undefined) return undefined;
  const failure = group === undefined ? undefined : { group, at: state.finishedAt };
  return { words, repeats, paused, lastOutcome: state.lastOutcome, failure };
}

const version = 1;
const flags = { repeats: 1, paused: 2, lastFailed: 4, lastSucceeded: 8, failure: 16 } as const;

export const labelKey = (seq: number): Buffer => key(seq);
/** The job, by the key of its label. */
export const seqOfLabel = (of: Uint8Array): number => keyPart(of, 0);

/** A label is put together here, and copied as it is sealed: memory outside of the heap for each took a good part of what a label costs. */
const out = new ByteWriter(1024);

/**
 * What a commit writes: undefined takes the label away. Layout: version (u8), flags (u8), of a failure the group and the instant (u48),
 * the number of words (u8), the words: length (u16), then latin1.
 */
export function labelPut(seq: number, label: JobLabel | undefined): Put {
  const under = labelKey(seq);
  if (label === undefined) return { tree: 'labels', key: under, value: null };
  const { words, repeats, paused, lastOutcome, failure } = label;
  out.clear();
  out.u8(version);
  out.u8(
    (repeats ? flags.repeats : 0) |
      (paused ? flags.paused : 0) |
      (lastOutcome === 'failed' ? flags.lastFailed : lastOutcome === 'success' ? flags.lastSucceeded : 0) |
      (failure === undefined ? 0 : flags.failure),
  );
  if (failure !== undefined) {
    out.u48(failure.group);
    out.u48(failure.at);
  }
  out.u8(words.length);
  for (const word of words) {
    out.u16(word.length);
    out.latin1(word);
  }
  return { tree: 'labels', key: under, value: seal(out.since(0), under) };
}

let scratch = Buffer.allocUnsafeSlow(4096);

/**
 * A copy, until the next call. V8 keeps small arrays in its heap, and moves one out into memory of its own as soon as there is a
 * view of it: with a million labels that was most of the time and of the memory that a start took for them.
 */
function copyOf(sealed: Uint8Array): Buffer {
  if (sealed.length > scratch.length) scratch = Buffer.allocUnsafeSlow(sealed.length * 2);
  scratch.set(sealed);
  return scratch.subarray(0, sealed.length);
}

/** @throws DamagedRecord, NewerRecord */
export function readLabel(sealed: Uint8Array, under: Uint8Array): JobLabel {
  const what = (): string => `the label of job ${seqOfLabel(under)}`;
  const input = new ByteReader(unseal(copyOf(sealed), under, what));
  try {
    const found = input.u8();
    if (found > version) throw new NewerRecord(what(), { found, known: version });
    const given = input.u8();
    const failure = (given & flags.failure) !== 0 ? { group: input.u48(), at: input.u48() } : undefined;
    const count = input.u8();
    return {
      words: count === 0 ? none : Array.from({ length: count }, () => input.latin1(input.u16())),
      repeats: (given & flags.repeats) !== 0,
      paused: (given & flags.paused) !== 0,
      lastOutcome: given & flags.lastFailed ? 'failed' : given & flags.lastSucceeded ? 'success' : undefined,
      failure,
    };
  } catch (error) {
    if (error instanceof RangeError) throw new DamagedRecord(what());
    throw error;
  }
}
