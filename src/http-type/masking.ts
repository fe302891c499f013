/** Takes values of variables out of what an answer repeats: they went out in a header, and are not to lie in the store. */

const mask = '***';
/** A part of a value (of `Bearer abc…`, say) is a secret of its own from this length on. */
const shortestPart = 8;

export class Masking {
  readonly #secrets: readonly string[];

  constructor(values: readonly string[]) {
    const parts = values.flatMap((value) => [
      value,
      ...value.split(/\s+/).filter((part) => part.length >= shortestPart),
    ]);
    // The longest first: one may be a part of another.
    this.#secrets = [...new Set(parts)].filter((part) => part !== '').sort((a, b) => b.length - a.length);
  }

  /** There is nothing to mask. */
  get isEmpty(): boolean {
    return this.#secrets.length === 0;
  }

  text(text: string): string {
    return this.#secrets.reduce((masked, secret) => masked.replaceAll(secret, mask), text);
  }

  /** A value of JSON, in all that it holds. */
  json(value: unknown): unknown {
    if (this.isEmpty) return value;
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.json(item));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.json(item)]));
    const text = String(value);
    const masked = this.text(text);
    return masked === text ? value : masked;
  }
}
