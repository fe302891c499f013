/** The store of a stopped directory as a start would make it: with what only its journal has. Nothing is written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Tree, trees } from '../format/layout.js';
import type { KvReader, KvWriter, RangeOptions } from '../kv/kv.js';
import { Journal, type JournalFile } from '../log/journal.js';
import { journalFile, openJournalFile } from '../log/journal-file.js';
import { KvLogSource, putBatch } from '../log/kv-log.js';

/** @throws DamagedRecord, NewerRecord of the journal */
export function withJournal(kv: KvReader, directory: string): KvReader {
  if (!existsSync(join(directory, journalFile))) return kv;
  const file = openJournalFile(directory, 'r');
  try {
    return overJournal(kv, file);
  } finally {
    file.close();
  }
}

/** A store with what a journal has behind the end of its log. @throws DamagedRecord, NewerRecord of the journal */
export function overJournal(kv: KvReader, file: JournalFile): KvReader {
  const batches = new Journal(file).recover(new KvLogSource(kv).ends()?.last ?? 0);
  const overlay = new KvOverlay(kv);
  for (const batch of batches) putBatch(overlay, batch, Number.POSITIVE_INFINITY);
  return overlay;
}

const textOf = (key: Uint8Array): string => Buffer.from(key).toString('latin1');

/** What was put over a store that stays as it is. */
class KvOverlay implements KvWriter {
  readonly #below: KvReader;
  readonly #over = Object.fromEntries(trees.map((tree) => [tree, new Map()])) as Record<
    Tree,
    Map<string, Buffer | null>
  >;

  constructor(below: KvReader) {
    this.#below = below;
  }

  put(tree: Tree, key: Uint8Array, value: Uint8Array): void {
    this.#over[tree].set(textOf(key), Buffer.from(value));
  }

  remove(tree: Tree, key: Uint8Array): void {
    this.#over[tree].set(textOf(key), null);
  }

  get(tree: Tree, key: Uint8Array): Buffer | undefined {
    const over = this.#over[tree].get(textOf(key));
    if (over === undefined) return this.#below.get(tree, key);
    return over === null ? undefined : Buffer.from(over);
  }

  peek(tree: Tree, key: Uint8Array): Buffer | undefined {
    return this.get(tree, key);
  }

  *keys(tree: Tree, range: RangeOptions): Iterable<Buffer> {
    const { limit = Number.POSITIVE_INFINITY, ...all } = range;
    let given = 0;
    for (const key of this.#merged(tree, all)) {
      if (given++ >= limit) return;
      yield key;
    }
  }

  *entries(tree: Tree, range: RangeOptions): Iterable<{ key: Buffer; value: Buffer }> {
    for (const key of this.keys(tree, range)) {
      const value = this.get(tree, key);
      if (value) yield { key, value };
    }
  }

  size(tree: Tree): number {
    let size = this.#below.size(tree);
    for (const [text, value] of this.#over[tree]) {
      const below = this.#below.get(tree, Buffer.from(text, 'latin1')) !== undefined;
      size += (value ? 1 : 0) - (below ? 1 : 0);
    }
    return size;
  }

  refresh(): void {
    this.#below.refresh();
  }

  /** The keys of both that are there, in order. */
  *#merged(tree: Tree, { from, to, reverse = false }: RangeOptions): Iterable<Buffer> {
    const over = this.#over[tree];
    const low = from && textOf(from);
    const high = to && textOf(to);
    const put = [...over.keys()].filter((key) => (low ?? key) <= key && (high === undefined || key < high)).sort();
    if (reverse) put.reverse();
    const isBefore = (a: string, b: string): boolean => (reverse ? a > b : a < b);
    let next = 0;
    const there = (text: string): boolean => over.get(text) !== null;
    for (const key of this.#below.keys(tree, { ...(from && { from }), ...(to && { to }), reverse })) {
      const text = textOf(key);
      for (; next < put.length && isBefore(put[next] as string, text); next++)
        if (there(put[next] as string)) yield Buffer.from(put[next] as string, 'latin1');
      if (put[next] === text) next++;
      if (there(text)) yield key;
    }
    for (; next < put.length; next++) if (there(put[next] as string)) yield Buffer.from(put[next] as string, 'latin1');
  }
}
