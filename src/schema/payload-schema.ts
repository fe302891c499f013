/**
 * What a payload schema may say: the keywords of JSON Schema 2020-12 and the formats that are checked. A validator takes no
 * notice of a keyword that it does not know, so that a misspelt one would admit everything: here it is a fault with a place.
 */

/** A fault of a schema or a payload: a JSON pointer (RFC 6901) to the place, and what is wrong there as a predicate. */
export interface PlacedFault {
  readonly path: string;
  readonly message: string;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords that have a schema, a list of schemas, schemas by name, and those that have none. */
const withSchema =
  'not if then else items contains additionalProperties propertyNames unevaluatedItems unevaluatedProperties contentSchema';
const withList = 'allOf anyOf oneOf prefixItems';
const withNamed = 'properties patternProperties dependentSchemas $defs definitions';
const plain =
  '$schema $id $anchor $ref $dynamicRef $dynamicAnchor $comment type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired format title description default deprecated readOnly writeOnly examples contentEncoding contentMediaType';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const holders = { one: words(withSchema), list: words(withList), named: words(withNamed) };
const keywords = words([withSchema, withList, withNamed, plain].join(' '));

const formatNames =
  'date time date-time duration email hostname ipv4 ipv6 uri uri-reference uri-template uuid regex json-pointer relative-json-pointer';
/** The formats of JSON Schema that are checked. */
export const formats = words(formatNames);

const dialect = 'https://json-schema.org/draft/2020-12/schema';

/** A step of a JSON pointer. */
export function step(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * What is unknown in a schema, or cannot be carried out; undefined when nothing is. That keywords have values of the right
 * type is for the meta-schema, and comes before this.
 */
export function unknownIn(schema: JsonSchema): PlacedFault | undefined {
  for (const { path, node } of subschemas(schema, '')) {
    for (const keyword of Object.keys(node)) {
      if (!keywords.has(keyword)) return { path, message: `has the unknown keyword "${keyword}"` };
    }
    const {
      $schema,
      format,
      pattern,
      patternProperties = {},
    } = node as {
      readonly $schema?: string;
      readonly format?: string;
      readonly pattern?: string;
      readonly patternProperties?: JsonSchema;
    };
    if ($schema !== undefined && $schema.replace(/#$/, '') !== dialect)
      return { path: `${path}/$schema`, message: `must be "${dialect}" or left out` };
    if (format !== undefined && !formats.has(format))
      return {
        path: `${path}/format`,
        message: `is the unknown format "${format}"; there are ${[...formats].join(', ')}`,
      };
    const [wrong] = [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties)].flatMap(fault);
    if (wrong !== undefined) return { path, message: wrong };
  }
  return undefined;
}

/** The place of the first subschema with this reference; that of the whole schema when there is none. */
export function placeOf(reference: string, schema: JsonSchema): string {
  for (const { path, node } of subschemas(schema, '')) {
    for (const keyword of ['$ref', '$dynamicRef']) {
      const value = node[keyword];
      if (typeof value === 'string' && reference.endsWith(value)) return `${path}/${keyword}`;
    }
  }
  return '';
}

/** The schema itself and all within it, as far as they are objects. */
function* subschemas(schema: unknown, path: string): Iterable<{ readonly path: string; readonly node: JsonSchema }> {
  if (typeof schema !== 'object' || schema === null) return;
  const node = schema as JsonSchema;
  yield { path, node };
  for (const [keyword, value] of Object.entries(node)) {
    if (holders.one.has(keyword)) yield* subschemas(value, path + step(keyword));
    else if (holders.list.has(keyword) || holders.named.has(keyword)) {
      for (const [key, each] of Object.entries(value as object))
        yield* subschemas(each, path + step(keyword) + step(key));
    }
  }
}

function fault(pattern: string): string[] {
  try {
    new RegExp(pattern, 'u');
    return [];
  } catch (error) {
    return [`has a pattern that cannot be used: ${(error as Error).message}`];
  }
}
