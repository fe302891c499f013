/** Payload schemas of handlers in a document: a schema of its own for each type, and the payload of a request is one of them. */
import type { Json } from './named-schemas.js';

/** Payload schemas by job type. */
export type PayloadSchemas = Readonly<Record<string, object>>;

/** Keywords by which a schema is more than a part of the document: it stands by itself, or refers to what does. */
const ownDocument = ['$id', '$anchor', '$dynamicRef', '$dynamicAnchor'];
const elsewhere = { type: 'object', description: 'Its schema is in GET /job-types.' };

/**
 * The schemas of a document together with those of payloads.
 *
 * @param bodies those whose `payload` is one of them
 */
export function withPayloads(schemas: Json, payloads: PayloadSchemas, bodies: readonly string[]): Json {
  if (Object.keys(payloads).length === 0) return schemas;
  const added: Record<string, unknown> = {};
  for (const [type, schema] of Object.entries(payloads)) {
    const name = freeName(`Payload.${type.replaceAll(':', '-')}`, { ...schemas, ...added });
    added[name] = { title: `Payload of ${type}`, ...embedded(schema, `#/components/schemas/${name}`) };
  }
  const alternatives = Object.keys(added).map((name) => ({ $ref: `#/components/schemas/${name}` }));
  const changed = bodies.map((name) => {
    const body = schemas[name] as { readonly properties: { readonly payload: Json } };
    const { payload } = body.properties;
    const { description, ...any } = payload;
    return [
      name,
      { ...body, properties: { ...body.properties, payload: { description, anyOf: [...alternatives, any] } } },
    ];
  });
  return { ...schemas, ...Object.fromEntries(changed), ...added };
}

function freeName(wanted: string, taken: object): string {
  let name = wanted;
  for (let number = 2; name in taken; number++) name = `${wanted}-${number}`;
  return name;
}

/** The schema where it stands in the document: its references begin there. */
function embedded(schema: object, place: string): object {
  let isPart = true;
  const moved: object = JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (ownDocument.includes(key)) isPart = false;
    if (key !== '$ref' || typeof value !== 'string') return value;
    if (!value.startsWith('#')) isPart = false;
    return place + value.slice(1);
  });
  // The dialect is that of the document.
  const { $schema: _, ...rest } = moved as Json;
  return isPart ? rest : elsewhere;
}
