/** The job types that handlers are registered for. They change when the handlers are read anew; whoever shows them asks here. */
import type { PayloadCheck } from '../schema/payload-check.js';
import type { JobType } from './ports.js';

export class JobTypes {
  #byName: ReadonlyMap<string, JobType> = new Map();
  #names: readonly string[] = [];
  #checks: ReadonlyMap<string, PayloadCheck> = new Map();
  #edition = 0;

  constructor(types: readonly JobType[]) {
    this.replace(types);
  }

  /** From now on these are registered, and no others. */
  replace(types: readonly JobType[]): void {
    this.#byName = new Map(types.map((type) => [type.name, type]));
    this.#names = types.map(({ name }) => name);
    this.#checks = new Map(types.flatMap(({ name, payload }) => (payload ? [[name, payload.check] as const] : [])));
    this.#edition += 1;
  }

  /** Changes with every `replace`: what was made of other types is out of date. */
  get edition(): number {
    return this.#edition;
  }

  get all(): Iterable<JobType> {
    return this.#byName.values();
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** By type, of those that declare one. */
  get payloadSchemas(): Readonly<Record<string, object>> {
    return Object.fromEntries([...this.all].flatMap(({ name, payload }) => (payload ? [[name, payload.schema]] : [])));
  }

  /** Whether any type has a payload schema. */
  get checksPayloads(): boolean {
    return this.#checks.size > 0;
  }

  get(name: string): JobType | undefined {
    return this.#byName.get(name);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** What holds payloads of this type against its schema; undefined where it has none. */
  payloadCheckOf(name: string): PayloadCheck | undefined {
    return this.checksPayloads ? this.#checks.get(name) : undefined;
  }
}
