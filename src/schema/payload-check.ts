/**
 * Payload schemas of handlers, compiled with ajv. It is loaded only where a handler declares one: reading it takes some 50 ms,
 * the first schema some 80 more. Nothing is coerced, and no default is filled in: a payload is as its sender wrote it.
 */
import { type ErrorObject, Ajv2020 as Schemas, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats, { type FormatName } from 'ajv-formats';
import { formats, type JsonSchema, type PlacedFault, placeOf, step, unknownIn } from './payload-schema.js';

/**
 * Holds a payload against a schema.
 *
 * @param chars length of the payload as JSON; Infinity where the first fault is enough
 * @returns what is wrong with it, by place in the payload; nothing when it fits
 */
export type PayloadCheck = (payload: unknown, chars: number) => readonly PlacedFault[];

/** Of longer payloads only the first fault is looked for: there may be 100,000, each of which takes some microseconds. */
const allFaultsChars = 4096;
/** More than are shown. */
const maxErrors = 200;
const shownChars = 200;

/** Checks schemas themselves; made when the first one comes, which is what takes the time. */
let metaSchema: Schemas | undefined;

/** @returns a check, or what is wrong with the schema, by place in it */
export function compilePayloadSchema(
  schema: JsonSchema,
): { readonly check: PayloadCheck } | { readonly fault: PlacedFault } {
  metaSchema ??= new Schemas({ strict: false, logger: false });
  // Another dialect than its own it does not know, and throws: `unknownIn` words that.
  const { $schema: _, ...rest } = schema;
  if (!metaSchema.validateSchema(rest))
    return { fault: sentence((metaSchema.errors as ErrorObject[])[0] as ErrorObject) };
  const unknown = unknownIn(schema);
  if (unknown !== undefined) return { fault: unknown };
  const { type } = schema;
  if (type !== undefined && type !== 'object' && !(Array.isArray(type) && type.includes('object')))
    return { fault: { path: '/type', message: 'must admit "object": payloads are objects' } };
  try {
    const first = compile(schema, false);
    // A reference to itself without end shows here, and not with the first job.
    first({});
    let all: ValidateFunction | undefined;
    const check: PayloadCheck = (payload, chars) => {
      if (first(payload)) return [];
      if (chars > allFaultsChars) return placed(first.errors as ErrorObject[]);
      all ??= compile(schema, true);
      return all(payload) ? [] : placed((all.errors as ErrorObject[]).slice(0, maxErrors));
    };
    return { check };
  } catch (error) {
    return { fault: faultOf(error as Error & { readonly missingRef?: string }, schema) };
  }
}

/** Each schema has a validator of its own, or the ids of one would be known to the next: references stay inside. */
function compile(schema: JsonSchema, allErrors: boolean): ValidateFunction {
  const schemas = new Schemas({
    allErrors,
    meta: false,
    validateSchema: false,
    logger: false,
    strictTypes: false,
    strictTuples: false,
  });
  // It resolves anchors, and does not count the keyword among those that it knows.
  schemas.addVocabulary(['$anchor']);
  addFormats.default(schemas, [...formats] as FormatName[]);
  return schemas.compile(schema);
}

function faultOf(error: Error & { readonly missingRef?: string }, schema: JsonSchema): PlacedFault {
  if (error instanceof RangeError) return { path: '', message: 'refers to itself without end' };
  const { missingRef } = error;
  if (missingRef === undefined) return { path: '', message: `cannot be used: ${error.message}` };
  return { path: placeOf(missingRef, schema), message: `leads nowhere: "${missingRef}" is not in this schema` };
}

/** Faults by place. Where none of several alternatives fits, what is wrong with each of them is not told. */
function placed(errors: readonly ErrorObject[]): readonly PlacedFault[] {
  const shown: ErrorObject[] = [];
  let last: PlacedFault | undefined;
  const faults: PlacedFault[] = [];
  for (const error of errors) {
    if (error.keyword === 'anyOf' || error.keyword === 'oneOf') {
      const within = (each: ErrorObject): boolean =>
        each.instancePath === error.instancePath || each.instancePath.startsWith(`${error.instancePath}/`);
      const alternatives: ErrorObject[] = [];
      while (shown.length > 0 && within(shown.at(-1) as ErrorObject)) alternatives.push(shown.pop() as ErrorObject);
      shown.push(withTypes(error, alternatives.reverse()));
    } else shown.push(error);
  }
  for (const error of shown) {
    const fault = sentence(error);
    if (last?.path === fault.path && last.message === fault.message) continue;
    faults.push((last = fault));
  }
  return faults;
}

/** Alternatives that differ only in type are reported as one fault of the type. */
function withTypes(error: ErrorObject, alternatives: readonly ErrorObject[]): ErrorObject {
  const types = alternatives.map(({ keyword, instancePath, params }) =>
    keyword === 'type' && instancePath === error.instancePath ? (params.type as string | string[]) : undefined,
  );
  if (types.length === 0 || types.includes(undefined)) return error;
  return { ...error, keyword: 'type', params: { type: types.flat() } };
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
  null: 'null',
};

/** A fault in the words of this server. */
function sentence({ keyword, instancePath: at, params, message = 'is not valid' }: ErrorObject): PlacedFault {
  const fault = (text: string, path = at): PlacedFault => ({ path, message: text });
  switch (keyword) {
    case 'required':
      return fault('is required', at + step(params.missingProperty));
    case 'dependentRequired':
      return fault(`is required where ${params.property} is given`, at + step(params.missingProperty));
    case 'additionalProperties':
      return fault('is not a field of this payload', at + step(params.additionalProperty));
    case 'unevaluatedProperties':
      return fault('is not a field of this payload', at + step(params.unevaluatedProperty));
    case 'propertyNames':
      return fault('is not a name that fields may have', at + step(params.propertyName));
    case 'type':
      return fault(
        `must be ${[params.type]
          .flat()
          .map((name: string) => typeNames[name] ?? name)
          .join(' or ')}`,
      );
    case 'enum':
      return fault(`must be one of ${list(params.allowedValues)}`);
    case 'const':
      return fault(`must be ${list([params.allowedValue])}`);
    case 'format':
      return fault(`must have the format ${params.format}`);
    case 'pattern':
      return fault(`must match the pattern ${String(params.pattern).slice(0, shownChars)}`);
    case 'anyOf':
    case 'oneOf':
      return fault('fits none of the alternatives that the schema has, or more of them than it may');
    case 'not':
    case 'false schema':
      return fault('is not allowed here by the schema');
    default:
      return fault(message.replace('must NOT', 'must not'));
  }
}

function list(values: readonly unknown[]): string {
  const text = values.map((value) => JSON.stringify(value)).join(', ');
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}
