/**
 * Schemas as a document writes them: those that have a name stand once, under `components/schemas`, and are referred to.
 * They are recognised by what they say, since an optional field has a copy of its schema.
 */
import { fieldNotes } from './field-notes.js';
import { type Json, named, type SchemaName } from './named-schemas.js';

const names = new Map(Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name as SchemaName]));

export class SchemaBook {
  readonly #used = new Map<SchemaName, unknown>();
  readonly #describesReferences: boolean;

  /** @param describesReferences a reference may have a description beside it, as in JSON Schema 2020-12 */
  constructor({ describesReferences }: { readonly describesReferences: boolean }) {
    this.#describesReferences = describesReferences;
  }

  /** Those that were referred to, by name. */
  get schemas(): Json {
    return Object.fromEntries([...this.#used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The schema as it stands where it is used: a reference if it has a name, else all of it. */
  refer(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((each) => this.refer(each));
    if (typeof schema !== 'object' || schema === null) return schema;
    const name = names.get(JSON.stringify(schema));
    if (name === undefined) return this.#write(schema as Json, {});
    if (!this.#used.has(name)) {
      // It has its place before what it refers to, should that refer to it.
      this.#used.set(name, undefined);
      this.#used.set(name, this.#write(schema as Json, fieldNotes[name] ?? {}));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #write(schema: Json, notes: Readonly<Record<string, string>>): Json {
    const written = Object.fromEntries(Object.entries(schema).map(([field, value]) => [field, this.refer(value)]));
    if (notes[''] !== undefined) written.description = notes[''];
    // What follows is the same to JSON Schema, and not to makers of types.
    if (Array.isArray(schema.enum)) return { type: 'string', ...written };
    if (schema.type !== 'object') return written;
    written.properties = Object.fromEntries(
      Object.entries(written.properties as Json).map(([field, value]) => [
        field,
        this.#noted(value as Json, notes[field]),
      ]),
    );
    // They take an object without fields for one that may have none.
    if (Object.keys(written.properties as Json).length === 0) written.additionalProperties ??= true;
    return written;
  }

  #noted(schema: Json, note: string | undefined): Json {
    if (note === undefined || schema.description !== undefined) return schema;
    return schema.$ref !== undefined && !this.#describesReferences ? schema : { ...schema, description: note };
  }
}
