/** What becomes of the items of a batch: all of them jobs or none, or each for itself. */
import { Faults, pointer } from '../../api/faults.js';
import { type Rules, readDraft, readIdempotencyKey } from '../../api/validate.js';
import { Refusal } from '../../domain/errors.js';
import type { Creation, JobDraft } from '../../scheduler/messages.js';
import { digestOf } from './canonical.js';

/** Where faults of one item are reported, and as what. */
export interface ItemPlace {
  /** JSON pointer of the item. */
  readonly at: string;
  readonly faults: Faults;
}

/** Where faults of the items of a batch go, before they are taken. */
export interface ItemPlaces {
  place(index: number): ItemPlace;
  /** The item is one that nobody may read further. */
  refuse(index: number, refusal: Refusal): void;
}

/** Takes parsed items one after the other. */
export interface BatchItems<T> extends ItemPlaces {
  take(value: unknown): void;
  /** @throws Refusal */
  done(): readonly T[];
}

/** The items of a batch whose faults are reported together. */
export function placesIn(faults: Faults): ItemPlaces {
  return {
    place: (index) => ({ at: pointer(index), faults }),
    refuse: (_, refusal) => {
      throw refusal;
    },
  };
}

/** Items of a batch that is carried out as a whole: what is wrong with one refuses all. */
export class AllOrNone implements BatchItems<JobDraft> {
  readonly #rules: Rules;
  readonly #faults = new Faults();
  readonly #drafts: (JobDraft | undefined)[] = [];

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  place(index: number): ItemPlace {
    return { at: pointer(index), faults: this.#faults };
  }

  refuse(_index: number, refusal: Refusal): void {
    throw refusal;
  }

  take(value: unknown): void {
    this.#drafts.push(readDraft(value, this.#rules, this.#faults, pointer(this.#drafts.length)));
  }

  done(): readonly JobDraft[] {
    this.#faults.throwIfAny();
    return this.#drafts as JobDraft[];
  }
}

/** Items that stand alone. One may have an `idempotency_key`, which means what the header does. */
export class EachAlone implements BatchItems<Creation | Refusal> {
  readonly #rules: Rules;
  readonly #items: (Creation | Refusal)[] = [];
  /** Of items that are parsed and not taken yet. */
  readonly #faults = new Map<number, Faults>();
  readonly #refused = new Map<number, Refusal>();

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  place(index: number): ItemPlace {
    const faults = this.#faults.get(index) ?? new Faults();
    this.#faults.set(index, faults);
    return { at: '', faults };
  }

  refuse(index: number, refusal: Refusal): void {
    this.#refused.set(index, refusal);
  }

  take(value: unknown): void {
    const index = this.#items.length;
    this.#items.push(this.#refused.get(index) ?? this.#read(value, this.place(index).faults));
    this.#refused.delete(index);
    this.#faults.delete(index);
  }

  done(): readonly (Creation | Refusal)[] {
    return this.#items;
  }

  #read(value: unknown, faults: Faults): Creation | Refusal {
    const { key, rest } = withoutKey(value);
    const draft = readDraft(rest, this.#rules, faults);
    if (key !== undefined) readIdempotencyKey(key, faults, '/idempotency_key');
    if (draft === undefined || faults.any) return faults.refusal();
    return key === undefined ? { draft } : { draft, idempotency: { key: key as string, digest: digestOf(rest) } };
  }
}

function withoutKey(value: unknown): { readonly key: unknown; readonly rest: unknown } {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || !Object.hasOwn(value, 'idempotency_key')) return { key: undefined, rest: value };
  const { idempotency_key: key, ...rest } = value as Record<string, unknown>;
  return { key: key ?? null, rest };
}

/** Whether an item of a batch was refused. */
export const isRefused = (item: unknown): item is Refusal => item instanceof Refusal;
