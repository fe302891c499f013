/** Job types as small numbers: names are written once, records hold their place in the list. */

import { DamagedRecord } from '../port.js';
export class TypeDictionary {
  readonly #names: string[] = [];
  readonly #ids = new Map<string, number>();
  /** Names that no record on disk has named yet. */
  #unwritten = 0;

  /** The number of a type, if it ever had a job. */
  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  /** The number of a type, given now if it never had a job. */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#names.length;
    if (id > 0xffff) throw new Error('more than 65,536 job types in one data directory');
    this.#names.push(name);
    this.#ids.set(name, id);
    return id;
  }

  nameOf(id: number): string {
    const name = this.#names[id];
    if (name === undefined) throw new DamagedRecord(`a record names job type ${id}, which`, 'is not in the list');
    return name;
  }

  /** Types that the next record has to name; they count as written after `written`. */
  fresh(): readonly { readonly id: number; readonly name: string }[] {
    return this.#names.slice(this.#unwritten).map((name, i) => ({ id: this.#unwritten + i, name }));
  }

  /** All names, in order of their numbers. */
  all(): readonly string[] {
    return this.#names;
  }

  /** Types below `upTo` are on disk. */
  written(upTo: number): void {
    this.#unwritten = Math.max(this.#unwritten, upTo);
  }

  get size(): number {
    return this.#names.length;
  }

  /** Takes a name read from disk; names come in order of their numbers, some twice. */
  restore(id: number, name: string): void {
    if (id < this.#names.length) return;
    if (id !== this.#names.length) throw new Error(`the list of job types has a hole before ${id}`);
    this.idOf(name);
    this.written(id + 1);
  }
}
