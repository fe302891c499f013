/**
 * A shape that values from outside are held against: a schema, compiled. What is wrong comes as plain places and kinds, since
 * a request, a message and a module each put it into words of their own.
 */
import { Compile, Settings, type TObject, type TSchema, type Type } from './typebox.js';

// Its default of 8 would hide faults; a bound it must have, since a body can be wrong in 100,000 fields.
Settings.Set({ maxErrors: 200 });

/** One thing that keeps a value from having its shape. */
export interface ShapeFault {
  /** `empty`: an object that must have a field has none. `wrong`: the value there is of another type, or out of bounds. */
  readonly kind: 'missing' | 'unknown' | 'empty' | 'wrong';
  /** Fields and indices from the value to the place; none for the value itself. */
  readonly path: readonly string[];
}

export interface Shape<Value = unknown> {
  /** The names of its fields. */
  readonly fields: readonly string[];
  fits(value: unknown): value is Value;
  /** What is wrong with a value that does not fit, in the order of the schema, unknown fields first; of many, the first ones. */
  faults(value: unknown): readonly ShapeFault[];
}

/** Compiles a schema, which takes about half a millisecond: once, where it is declared. */
export function shapeOf<Schema extends TObject>(schema: Schema): Shape<Type.Static<Schema>> {
  const validator = Compile(schema as TObject);
  return {
    fields: Object.keys(schema.properties),
    fits: (value): value is Type.Static<Schema> => validator.Check(value),
    faults: (value) => validator.Errors(withFewFields(schema, value)).flatMap(faultsOf),
  };
}

type LibraryError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

function faultsOf({ keyword, instancePath, params }: LibraryError): ShapeFault[] {
  // No field that is declared has a character that a JSON pointer would escape.
  const path = instancePath.split('/').slice(1);
  const fields = (kind: ShapeFault['kind'], names: readonly string[]): ShapeFault[] =>
    names.map((name) => ({ kind, path: [...path, name] }));
  switch (keyword) {
    case 'required':
      return fields('missing', (params as { requiredProperties: string[] }).requiredProperties);
    case 'additionalProperties':
      return fields('unknown', (params as { additionalProperties: string[] }).additionalProperties);
    case 'minProperties':
      return [{ kind: 'empty', path }];
    // Says of each unknown field what `additionalProperties` says of all.
    case 'boolean':
      return [];
    default:
      return [{ kind: 'wrong', path }];
  }
}

/** Unknown fields of one object that are looked at: more than are shown. */
const maxUnknown = 60;

/** The value without most unknown fields of its objects, if they have very many: naming 80,000 takes a third of a second. */
function withFewFields(schema: TSchema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isClosed(schema)) return value;
  const given = value as Record<string, unknown>;
  const fields = Object.keys(schema.properties);
  const unknown = Object.keys(given).filter((field) => !fields.includes(field));
  const known = fields.filter((field) => Object.hasOwn(given, field));
  return Object.fromEntries([
    ...known.map((field) => [field, withFewFields(schema.properties[field] as TSchema, given[field])]),
    ...unknown.slice(0, maxUnknown).map((field) => [field, given[field]]),
  ]);
}

/** An object that may have no fields but those it is declared to have. */
function isClosed(schema: TSchema): schema is TObject {
  return (schema as { additionalProperties?: unknown }).additionalProperties === false;
}
