/** All that is wrong with one request, gathered so that its sender learns of all at once. */
import { type Fault, Refusal } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';

/** More than anyone reads; a body of nothing but faults must not become an answer of its own size. */
const maxReported = 50;
const maxPathChars = 200;
const nearestTypes = 3;

export class Faults {
  readonly #list: Fault[] = [];
  readonly #paths = new Set<string>();
  #unknownTypes = 0;
  #unreported = 0;

  get any(): boolean {
    return this.#list.length > 0;
  }

  /** No more faults are shown: their messages need not be made. */
  get isFull(): boolean {
    return this.#list.length === maxReported;
  }

  /** Adds a fault, at most one for a path: the first says what to mend first. */
  add(path: string, message: string): void {
    const shown = path.length > maxPathChars ? `${path.slice(0, maxPathChars)}…` : path;
    if (this.#paths.has(shown)) return;
    if (this.#list.length === maxReported) {
      this.#unreported += 1;
      return;
    }
    this.#paths.add(shown);
    this.#list.push({ path: shown, message });
  }

  /** True when something is wrong at just this path. */
  has(path: string): boolean {
    return this.#paths.has(path);
  }

  /**
   * Adds the fault that a well-formed job type has no handler.
   *
   * @param jobTypes those that have one
   */
  addUnknownType(path: string, name: string, jobTypes: readonly string[]): void {
    if (this.#paths.has(path)) return;
    this.#unknownTypes += 1;
    const meant = this.isFull ? [] : nearest(name, jobTypes, nearestTypes);
    const hint = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`;
    this.add(
      path,
      `names no registered job type: there is no handler "${name}"${hint} (GET /api/v1/job-types lists all)`,
    );
  }

  /** @throws Refusal with all faults, if there are any */
  throwIfAny(): void {
    if (this.any) throw this.refusal();
  }

  refusal(): Refusal {
    const onlyUnknown = this.#unknownTypes === this.#list.length + this.#unreported;
    return new Refusal(onlyUnknown ? 'unknown_job_type' : 'validation_failed', this.#detail(), this.#list);
  }

  #detail(): string {
    const [first] = this.#list;
    if (first === undefined) return 'The request is not valid.';
    const sentence = `${first.path === '' ? 'The request' : first.path} ${first.message}.`;
    const more = this.#list.length - 1 + this.#unreported;
    return more === 0 ? sentence : `${sentence} And ${more} more ${more === 1 ? 'fault' : 'faults'}: see errors.`;
  }
}

/** A step of a JSON pointer (RFC 6901). */
export function pointer(key: string | number): string {
  return typeof key === 'number' ? `/${key}` : `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
