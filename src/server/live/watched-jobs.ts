/**
 * Who watches which jobs. There may be a million ids in all, so that what one costs counts: it is kept as numbers, about
 * fifty bytes of them, where the text and a set for it took three hundred.
 *
 * A job is found by the eight hex digits of its id, which no other has for four thousand million jobs; the seconds before
 * them are compared then.
 */
const idForm = /^job_(0|[1-9]\d{0,9})_([0-9a-f]{8})$/;
const hexDigits = 8;
/** Tables that are doubled when they are full, one at a time: a single one would hold up all else for a tenth of a second. */
const tableCount = 64;
/** Above so many a set is less work. */
const manyWatchers = 16;

/** Ids as pairs of numbers: the hex digits, the seconds. What is no id, and can match nothing, is left out. */
export type Ids = Uint32Array;

export function readIds(texts: readonly string[]): Ids {
  const pairs = new Uint32Array(texts.length * 2);
  let used = 0;
  for (const text of texts) {
    const match = idForm.exec(text);
    if (match === null || Number(match[1]) > 0xffff_ffff) continue;
    pairs[used++] = Number.parseInt(match[2] as string, 16);
    pairs[used++] = Number(match[1]);
  }
  return used === pairs.length ? pairs : pairs.slice(0, used);
}

/** The hex digits of an id as a number. */
function hexOf(id: string): number {
  return Number.parseInt(id.slice(-hexDigits), 16);
}

/** True when the id with these seconds is one of them. */
function includes(ids: Ids, hex: number, seconds: number): boolean {
  for (let at = 0; at < ids.length; at += 2) if (ids[at] === hex && ids[at + 1] === seconds) return true;
  return false;
}

/** `W`: whoever watches, not an array or a set itself. */
export class WatchedJobs<W extends { readonly ids: Ids }> {
  /** Nearly all jobs have one watcher at most. */
  readonly #tables = Array.from({ length: tableCount }, () => new Map<number, W | W[] | Set<W>>());
  #size = 0;

  /** Jobs that are watched, by however many. */
  get size(): number {
    return this.#size;
  }

  add(watcher: W): void {
    const { ids } = watcher;
    for (let at = 0; at < ids.length; at += 2) this.#add(ids[at] as number, watcher);
  }

  #add(hex: number, watcher: W): void {
    const table = this.#tableOf(hex);
    const key = hex | 0;
    const there = table.get(key);
    if (there === undefined) {
      table.set(key, watcher);
      this.#size += 1;
    } else if (there instanceof Set) there.add(watcher);
    else if (!Array.isArray(there)) {
      if (there !== watcher) table.set(key, [there, watcher]);
    } else if (!there.includes(watcher)) {
      if (there.length < manyWatchers) there.push(watcher);
      else table.set(key, new Set(there).add(watcher));
    }
  }

  delete(watcher: W): void {
    const { ids } = watcher;
    for (let at = 0; at < ids.length; at += 2) this.#delete(ids[at] as number, watcher);
  }

  #delete(hex: number, watcher: W): void {
    const table = this.#tableOf(hex);
    const key = hex | 0;
    const there = table.get(key);
    if (there === undefined) return;
    if (there instanceof Set) there.delete(watcher);
    else if (Array.isArray(there)) {
      const place = there.indexOf(watcher);
      if (place >= 0) there.splice(place, 1);
    } else if (there !== watcher) return;
    const left = there instanceof Set ? there.size : Array.isArray(there) ? there.length : 0;
    if (left > 0) return;
    table.delete(key);
    this.#size -= 1;
  }

  /** Those who watch the job. */
  of(id: string, seconds: number): readonly W[] {
    const hex = hexOf(id);
    const there = this.#tableOf(hex).get(hex | 0);
    if (there === undefined) return nobody;
    const all = there instanceof Set ? [...there] : Array.isArray(there) ? there : [there];
    return all.filter(({ ids }) => includes(ids, hex, seconds));
  }

  #tableOf(hex: number): Map<number, W | W[] | Set<W>> {
    return this.#tables[hex % tableCount] as Map<number, W | W[] | Set<W>>;
  }
}

const nobody: readonly never[] = [];
