/** Payload schemas: which are refused and where, and what is said of payloads that do not fit. */
import t from 'tap';
import Type from 'typebox';
import { compilePayloadSchema } from '../../src/schema/payload-check.js';
import { formats, type JsonSchema, type PlacedFault } from '../../src/schema/payload-schema.js';

function faults(schema: object, payload: object, chars = 100): readonly PlacedFault[] {
  const compiled = compilePayloadSchema(JSON.parse(JSON.stringify(schema)) as JsonSchema);
  if ('fault' in compiled) throw new Error(JSON.stringify(compiled.fault));
  return compiled.check(payload, chars);
}

function refusal(schema: object): PlacedFault {
  const compiled = compilePayloadSchema(schema as JsonSchema);
  if ('check' in compiled) throw new Error('it was taken');
  return compiled.fault;
}

const order = Type.Object(
  {
    order_id: Type.String({ minLength: 1 }),
    amount: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    kind: Type.Optional(Type.Enum(['card', 'cash'])),
    to: Type.Optional(Type.Union([Type.String({ format: 'email' }), Type.Null()])),
    lines: Type.Optional(Type.Array(Type.Object({ sku: Type.String({ pattern: '^[A-Z]+$' }), count: Type.Integer() }))),
  },
  { additionalProperties: false },
);

t.test('what fits has no fault, and nothing about it is changed', async (t) => {
  const payload = { order_id: 'A-1', amount: 0.5, kind: 'card', to: null, lines: [{ sku: 'AB', count: 2 }] };
  const copy = structuredClone(payload);
  t.same(faults(order, payload), []);
  t.same(payload, copy);
  const withDefault = { properties: { n: { type: 'number', default: 1 } }, required: ['n'] };
  t.same(faults(withDefault, {}), [{ path: '/n', message: 'is required' }], 'no default is filled in');
  t.same(faults(withDefault, { n: '1' }), [{ path: '/n', message: 'must be a number' }], 'nothing is coerced');
});

t.test('every fault has its place and a sentence', async (t) => {
  const payload = {
    amount: 0,
    kind: 'coins',
    to: 7,
    lines: [{ sku: 'a', count: 1.5 }, 'x'],
    'a/b~': 1,
  };
  t.same(faults(order, payload), [
    { path: '/order_id', message: 'is required' },
    { path: '/a~1b~0', message: 'is not a field of this payload' },
    { path: '/amount', message: 'must be > 0' },
    { path: '/kind', message: 'must be one of "card", "cash"' },
    { path: '/to', message: 'must be a string or null' },
    { path: '/lines/0/sku', message: 'must match the pattern ^[A-Z]+$' },
    { path: '/lines/0/count', message: 'must be a whole number' },
    { path: '/lines/1', message: 'must be an object' },
  ]);
  t.same(faults(order, { order_id: 'a', to: 'nobody' }), [
    { path: '/to', message: 'fits none of the alternatives that the schema has, or more of them than it may' },
  ]);
  t.equal(faults(order, payload, 100_000).length, 1, 'of a long payload the first fault alone is looked for');
});

t.test('the keywords of 2020-12 work', async (t) => {
  const cases: [schema: object, payload: object, path: string, message: RegExp][] = [
    [{ $defs: { n: { type: 'integer' } }, properties: { a: { $ref: '#/$defs/n' } } }, { a: 'x' }, '/a', /whole number/],
    [{ properties: { a: { $ref: '#' } }, required: ['b'] }, { b: 1, a: {} }, '/a/b', /required/],
    [
      { $id: 'order', $defs: { n: { $anchor: 'n', const: 1 } }, properties: { a: { $ref: '#n' } } },
      { a: 2 },
      '/a',
      /be 1/,
    ],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, '/b', /is required where a is given/],
    [{ allOf: [{ properties: { a: {} } }], unevaluatedProperties: false }, { a: 1, c: 1 }, '/c', /not a field/],
    [{ propertyNames: { maxLength: 1 } }, { long: 1 }, '', /must not have more than 1 characters/],
    [
      { properties: { a: { prefixItems: [{ type: 'string' }], items: false } } },
      { a: ['x', 1] },
      '/a',
      /not .*more than 1/,
    ],
    [JSON.parse('{"if": {"required": ["a"]}, "then": {"required": ["b"]}}'), { a: 1 }, '/b', /required/],
    [{ properties: { a: false } }, { a: 1 }, '/a', /not allowed here/],
    [{ properties: { a: { not: { type: 'string' } } } }, { a: 'x' }, '/a', /not allowed here/],
    [{ maxProperties: 1 }, { a: 1, b: 1 }, '', /must not have more than 1 properties/],
    [{ properties: { a: { format: 'date-time' } } }, { a: 'today' }, '/a', /must have the format date-time/],
    [{ properties: { a: { contains: { const: 1 } } } }, { a: [] }, '/a', /must contain at least 1/],
    [{ properties: { a: { oneOf: [{ minimum: 1 }, { minimum: 2 }] } } }, { a: 3 }, '/a', /more of them than it may/],
  ];
  for (const [schema, payload, path, message] of cases) {
    const [first] = faults(schema, payload);
    t.equal(first?.path, path, JSON.stringify(schema));
    t.match(first?.message, message);
  }
  const node = Type.Cyclic({ Node: Type.Object({ next: Type.Union([Type.Ref('Node'), Type.Null()]) }) }, 'Node');
  t.same(faults(node, { next: { next: null } }), []);
  t.same(faults(node, { next: { next: 1 } }).length, 1);
});

t.test('what is unknown is refused with its place', async (t) => {
  const cases: [schema: object, path: string, message: RegExp][] = [
    [{ type: 'object', require: ['a'] }, '', /^has the unknown keyword "require"$/],
    [{ properties: { a: { type: 'string', nullable: true } } }, '/properties/a', /unknown keyword "nullable"/],
    [{ allOf: [{}, { 'a/b': 1 }] }, '/allOf/1', /unknown keyword "a\/b"/],
    [{ $defs: { 'x/y': { typ: 'string' } } }, '/$defs/x~1y', /unknown keyword "typ"/],
    [
      { properties: { a: { format: 'mail' } } },
      '/properties/a/format',
      /is the unknown format "mail"; there are date,/,
    ],
    [{ properties: { a: { format: 'int32' } } }, '/properties/a/format', /unknown format "int32"/],
    [{ properties: { a: { pattern: '(' } } }, '/properties/a', /has a pattern that cannot be used: Invalid regular/],
    [{ patternProperties: { '[': {} } }, '', /has a pattern that cannot be used/],
    [{ properties: { a: { type: 'strin' } } }, '/properties/a/type', /must be one of "array", "boolean"/],
    [{ properties: [] }, '/properties', /must be an object/],
    [{ required: 'a' }, '/required', /must be an array/],
    [
      { $schema: 'http://json-schema.org/draft-07/schema#' },
      '/$schema',
      /must be "https:\/\/json-schema.org\/draft\/2020-12/,
    ],
    [
      { properties: { a: { $ref: 'https://example.com/a' } } },
      '/properties/a/$ref',
      /leads nowhere: .*example.com\/a" is not in/,
    ],
    [{ properties: { a: { $ref: '#/$defs/gone' } } }, '/properties/a/$ref', /leads nowhere: "#\/\$defs\/gone"/],
    [{ $ref: 'https://json-schema.org/draft/2020-12/schema' }, '/$ref', /leads nowhere/],
    [{ $ref: '#' }, '', /refers to itself without end/],
    [{ type: 'string' }, '/type', /must admit "object": payloads are objects/],
    [{ dependencies: {} }, '', /unknown keyword "dependencies"/],
  ];
  for (const [schema, path, message] of cases) {
    const fault = refusal(schema);
    t.equal(fault.path, path, JSON.stringify(schema));
    t.match(fault.message, message);
  }
  t.same(faults({ $schema: 'https://json-schema.org/draft/2020-12/schema' }, {}), []);
});

t.test('each schema stands by itself: ids of one are unknown to the next, and may come again', async (t) => {
  t.same(faults({ $id: 'shared', $defs: { a: { $id: 'part', type: 'string' } } }, {}), []);
  t.same(faults({ $id: 'shared', required: ['a'] }, {}), [{ path: '/a', message: 'is required' }]);
  t.match(refusal({ properties: { a: { $ref: 'shared' } } }), { path: '/properties/a/$ref' });
  t.match(refusal({ properties: { a: { $ref: 'part' } } }), { path: '/properties/a/$ref' });
});

t.test('every format that is offered is checked', async (t) => {
  for (const format of formats) {
    t.equal(faults({ properties: { a: { type: 'string', format } } }, { a: '(\u0000{' }).length, 1, format);
  }
});

t.test('a flood of faults is bounded', async (t) => {
  const schema = { properties: { a: { type: 'array', items: { type: 'string' } } } };
  const payload = { a: new Array(120_000).fill(1) };
  t.equal(faults(schema, payload, 250_000).length, 1);
  t.equal(faults(schema, { a: new Array(2000).fill(1) }, 4000).length, 200);
});
