/** Where things stand in the trees: keys, state pages, and the facts about the whole. */

import { DamagedRecord } from '../port.js';
import { crc32 } from './bytes.js';
import type { StoredDetail } from './detail.js';
import { getU32, key, keyPart, putU32 } from './numbers.js';
import { rowBytes } from './row.js';

/**
 * Version of everything below; a directory of a newer one is refused, one of an older is upgraded (`directory/upgrade`).
 * 2: the marker may have a key of ids, without which others would be answered. The trees are as in 1.
 * 3: what was committed last may be in the journal only. The trees are as in 1.
 * 4: the due index has a lane for each priority and one of deadlines. Without such jobs the trees are as in 1.
 * 5: `meta` may have settings, which a version that does not know them would not keep to. Without these the trees are as in 4.
 * 6: events may say that an attempt was snoozed; `meta` may say when no server ran, and have limits of job types; jobs may have a
 * group; there are the trees `jobKeys`, `labels`, `runs`, `bulk` and `logs`. A version that does not know these would not keep them up.
 */
export const schemaVersion = 6;

/**
 * The trees: `meta` (facts about the whole), `log` (the truth), `specs`, `states`, `details` (jobs by `seq`), `due` (what
 * is to come), `bitmaps` (sets of jobs), `finished` (in finishing order), `keys` and `keyExpiry` (idempotency), `jobKeys` (which
 * job has a key), `labels` (what jobs are found by beside status and type), `bulk` (what is done with many jobs), `runs` (of jobs),
 * `logs` (lines of handlers).
 */
export const trees = [
  'meta',
  'log',
  'specs',
  'states',
  'details',
  'due',
  'bitmaps',
  'finished',
  'keys',
  'keyExpiry',
  'jobKeys',
  'labels',
  'bulk',
  'runs',
  'logs',
] as const;
export type Tree = (typeof trees)[number];

/** A value to be written; null: what is there is to be removed. */
export interface Put {
  readonly tree: Tree;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export const pageRows = 16;
const pageHeader = 8;
export const pageBytes = pageHeader + pageRows * rowBytes;

export const pageOf = (seq: number): number => Math.floor(seq / pageRows);
export const pageKey = (page: number): Buffer => key(page);
/** Where the row of a job begins in its page. */
export const rowAt = (seq: number): number => pageHeader + (seq % pageRows) * rowBytes;

/** A page with no jobs, to be filled and then sealed. */
export function emptyPage(): Buffer {
  return Buffer.alloc(pageBytes);
}

/** Makes the page whole: its checksum covers the rows and its own number, so that a page in the wrong place shows. */
export function sealPage(page: Buffer, number: number): void {
  putU32(page, 4, number >>> 0);
  putU32(page, 0, crc32(page.subarray(4)));
}

/** @throws DamagedRecord */
export function checkPage(page: Buffer, number: number): void {
  const whole =
    page.length === pageBytes && getU32(page, 4) === number >>> 0 && getU32(page, 0) === crc32(page.subarray(4));
  if (!whole) throw new DamagedRecord(`the state page of jobs ${number * pageRows} to ${(number + 1) * pageRows - 1}`);
}

export const logKey = (position: number): Buffer => key(position);
export const specKey = (seq: number): Buffer => key(seq);
export const detailKey = (seq: number): Buffer => key(seq);
/** The page, by the key of its rows. */
export const pageOfKey = (of: Uint8Array): number => keyPart(of, 0);
/** The position of a log record, by its key. */
export const positionOfKey = (of: Uint8Array): number => keyPart(of, 0);
/** The job, by the key of its spec or detail. */
export const seqOfKey = (of: Uint8Array): number => keyPart(of, 0);

/** A value with its checksum before it. That covers its key too, so that the value of another key shows. */
export function seal(value: Uint8Array, under: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(value.length + 4);
  putU32(out, 0, crc32(value, crc32(under)));
  out.set(value, 4);
  return out;
}

/**
 * A view of the value.
 *
 * @param what it is, or how to say so: a number is written out only when it is needed
 * @throws DamagedRecord naming `what`.
 */
export function unseal(sealed: Buffer, under: Uint8Array, what: string | (() => string)): Buffer {
  if (sealed.length >= 4) {
    const value = sealed.subarray(4);
    if (getU32(sealed, 0) === crc32(value, crc32(under))) return value;
  }
  throw new DamagedRecord(typeof what === 'string' ? what : what());
}

/** What the trees stand for, written with the last slice of each merge. */
export interface MergeMark {
  /** The trees hold all that log records up to this one changed. */
  readonly position: number;
  /** No job that was pending then was due before this. */
  readonly watermark: number;
  /** The same for the other lanes of the due index, by their numbers. */
  readonly lanes?: Readonly<Record<string, number | null>>;
}

/** A job's last error, its result and the rest of its state, sealed JSON. */
export function sealDetail(json: string, seq: number): Buffer {
  return seal(Buffer.from(json), detailKey(seq));
}

/** @throws DamagedRecord */
export function decodeDetail(sealed: Buffer, seq: number): StoredDetail {
  return JSON.parse(unseal(sealed, detailKey(seq), () => `the detail of job ${seq}`).toString('utf8')) as StoredDetail;
}

/** Facts about the data directory as a whole. */
export interface DirectoryFacts {
  readonly schema: number;
  /** Random, made with the directory. */
  readonly identity: string;
  readonly createdAt: number;
  /** Key of the scramble in public ids, made with the directory and kept by its backups; see `domain/id`. None in schema 1. */
  readonly idKey?: string;
  /** No server has ever been ready on it: there is nothing in it to lose. */
  readonly unused?: boolean;
  /** It is a copy of one instant: to be checked and restored, not to be worked on. */
  readonly backup?: { readonly at: string; readonly position: number };
  /** Its jobs are in a cluster: where that is, and since when. */
  readonly moved?: { readonly at: string; readonly to: string };
}

const metaKeys = {
  mark: 'mark',
  facts: 'facts',
  types: 'types',
  clean: 'clean',
  epochs: 'epochs',
  downtime: 'downtime',
  setBack: 'setBack',
  handover: 'handover',
  labels: 'labels',
  created: 'created',
} as const;
export type MetaName = keyof typeof metaKeys;
export const metaKey = (name: MetaName): Buffer => Buffer.from(metaKeys[name]);

/** Sealed JSON; for the handful of values in `meta`. Infinity is written as null. */
export function encodeMeta(value: unknown, name: MetaName): Buffer {
  return seal(Buffer.from(JSON.stringify(value)), metaKey(name));
}

export function decodeMeta<T>(sealed: Buffer, name: MetaName): T {
  return JSON.parse(unseal(sealed, metaKey(name), `the entry ${name} of the directory`).toString('utf8')) as T;
}
