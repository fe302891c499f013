/**
 * What a worker thread holds the jobs against that its handlers enqueue. It is loaded there by its URL, when the first one is: it brings
 * all that reads a request.
 */
import { Refusal } from '../../domain/errors.js';
import type { PayloadCheck } from '../../schema/payload-check.js';
import { readEnqueued } from './read-enqueued.js';

/** A job type, as the thread has loaded it. */
interface KnownType {
  readonly name: string;
  /** Its payload schema, JSON text. */
  readonly payload?: string | undefined;
  /** What looks at payloads in place of a schema. */
  readonly check?: PayloadCheck | undefined;
}

type Compile = typeof import('../../schema/payload-check.js').compilePayloadSchema;

/**
 * Returns what says why a job cannot be made: the code and detail of the refusal, and its faults. Undefined when it can.
 *
 * @param compile loads what compiles payload schemas
 */
export function makeCheck(
  types: readonly KnownType[],
  timezone: string,
  compile: () => Compile,
): (text: string) => Pick<Refusal, 'code' | 'detail' | 'faults'> | undefined {
  const schemas = new Map(types.map(({ name, payload }) => [name, payload]));
  const checks = new Map(types.flatMap(({ name, check }) => (check ? [[name, check] as const] : [])));
  const payloadCheckOf = (name: string): PayloadCheck | undefined => {
    const schema = schemas.get(name);
    const known = checks.get(name) ?? (schema === undefined ? undefined : compiled(schema, compile()));
    if (known !== undefined) checks.set(name, known);
    return known;
  };
  const rules = { timezone, isRegistered: (name: string) => schemas.has(name), jobTypes: [...schemas.keys()] };
  return (text) => {
    try {
      readEnqueued(text, { ...rules, checksPayloads: true, payloadCheckOf });
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  };
}

/** The main thread has compiled it before: it is right. */
function compiled(schema: string, compile: Compile): PayloadCheck | undefined {
  const made = compile(JSON.parse(schema) as Record<string, unknown>);
  return 'check' in made ? made.check : undefined;
}
