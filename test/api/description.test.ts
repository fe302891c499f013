/** The descriptions for programs: complete, sound in themselves, and true of the declarations and of the server. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Compile } from 'typebox/compile';
import { asyncApi } from '../../src/api/description/asyncapi.js';
import { answerExamples } from '../../src/api/description/examples.js';
import { type Described, openApi } from '../../src/api/description/openapi.js';
import { clientMessages, events, notices, transientEvents } from '../../src/api/messages.js';
import { type Operation, refusalsOf } from '../../src/api/operation.js';
import { operations } from '../../src/api/operations.js';
import { problemStatus } from '../../src/api/problem.js';
import { serve } from '../server/fixture.js';

// biome-ignore lint/suspicious/noExplicitAny: documents are read as deep as a test wants
type Node = any;
type Schema = Parameters<typeof Compile>[0];

const jobTypes = ['daily_report', 'payment_check'];
const described: Described = { version: '1.0.0', base: '/api/v1', guarded: true, jobTypes };
const variants: readonly Described[] = [
  described,
  { ...described, guarded: false },
  { ...described, jobTypes: [] },
  { ...described, jobTypes: ['greet'] },
  {
    ...described,
    payloadSchemas: {
      payment_check: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { order_id: { $ref: '#/$defs/id' } },
        $defs: { id: { type: 'string' } },
      },
      'a:b': { type: 'object' },
      'a-b': { type: 'object' },
    },
  },
];
const declared = Object.entries(operations) as [keyof typeof operations, Operation][];
const docPath = (path: string): string => (path === '' ? '/api/v1' : path.replace(/:(\w+)/, '{$1}'));

/** Every object of a document, the document itself included. */
function* nodes(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Node;
  for (const child of Object.values(value)) yield* nodes(child);
}

function lookUp(document: Node, reference: string): unknown {
  const steps = reference.slice(2).split('/');
  return steps.reduce<Node>((node, step) => node?.[step], document);
}

/** A schema of a document by itself, for a validator. */
function alone(document: Node, schema: Node): Schema {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Schema;
}

for (const one of variants) {
  const what = JSON.stringify(one);
  t.test(`references lead somewhere, and nothing is kept that none leads to: ${what}`, async (t) => {
    for (const document of [openApi(one), asyncApi(one)] as Node[]) {
      const found = [...nodes(document)].map(({ $ref }): unknown => $ref);
      const references = new Set(found.filter((each) => typeof each === 'string'));
      t.ok(references.size > 20);
      for (const reference of references) t.not(lookUp(document, reference), undefined, reference);
      for (const kind of ['schemas', 'examples', 'messages']) {
        for (const name of Object.keys(document.components[kind] ?? {}))
          t.ok(references.has(`#/components/${kind}/${name}`), name);
      }
    }
  });

  t.test(`examples fit the schemas beside them: ${what}`, async (t) => {
    const document = openApi(one) as Node;
    let checked = 0;
    for (const { schema, example, examples } of nodes(document)) {
      if (schema === undefined) continue;
      const validator = Compile(alone(document, schema));
      const values = Object.values(examples ?? {}).map((each: Node) =>
        each.$ref === undefined ? each.value : (lookUp(document, each.$ref) as Node).value,
      );
      for (const value of example === undefined ? values : [...values, example]) {
        checked += 1;
        t.ok(validator.Check(value), JSON.stringify([validator.Errors(value), value]));
      }
    }
    t.ok(checked > 100);
    const messages = asyncApi(one) as Node;
    for (const { payload, examples } of Object.values<Node>(messages.components.messages)) {
      const validator = Compile(alone(messages, payload));
      for (const example of examples) t.ok(validator.Check(example.payload), JSON.stringify(example));
    }
  });
}

t.test('a payload schema that is a document of its own is left where it is', async (t) => {
  const payloadSchemas = {
    own: { $id: 'order', $ref: '#/$defs/a', $defs: { a: {} } },
    anchored: { $defs: { a: { $anchor: 'a' } }, properties: { b: { $ref: '#a' } } },
  };
  const { schemas } = (openApi({ ...described, payloadSchemas }) as Node).components;
  for (const name of ['Payload.own', 'Payload.anchored'])
    t.match(schemas[name], { type: 'object', description: /GET \/job-types/ }, name);
  t.same(payloadSchemas.own, { $id: 'order', $ref: '#/$defs/a', $defs: { a: {} } });
});

t.test('every operation is there, with its parameters, body, answers and refusals', async (t) => {
  const { paths } = openApi(described) as Node;
  t.equal(
    Object.values<Node>(paths)
      .flatMap((item) => Object.keys(item))
      .filter((key) => key !== 'servers').length,
    declared.length,
  );
  for (const [name, operation] of declared) {
    const { method, path, summary, tag, query, headers, request, answers, open } = operation;
    const written = paths[docPath(path)]?.[method.toLowerCase()];
    t.match(written, { operationId: name, summary, tags: [tag] }, name);
    const parameters = (written.parameters ?? []).map((each: Node) => `${each.in} ${each.name}`);
    const expected = [
      ...(path.match(/:\w+/)?.map((name) => `path ${name.slice(1)}`) ?? []),
      ...Object.keys((query as Node | undefined)?.properties ?? {}).map((key) => `query ${key}`),
      ...Object.keys(headers ?? {}).map((key) => `header ${key}`),
    ];
    t.same(parameters, expected, name);
    t.equal(written.requestBody !== undefined, request !== undefined, name);
    const statuses = new Set([...Object.keys(answers).map(Number), ...refusalsOf(operation).map(problemStatus)]);
    statuses.delete(problemStatus('misdirected_host'));
    t.same(Object.keys(written.responses).map(Number).sort(), [...statuses].sort(), name);
    for (const [status, { description }] of Object.entries<Node>(written.responses))
      t.type(description, 'string', `${name}: what ${status} says`);
    t.equal(written.security?.length === 0, open === true, `${name}: without a token`);
  }
});

t.test('every message and event is there, and each action has its answers', async (t) => {
  const { channels, components, operations: written } = asyncApi(described) as Node;
  const published = { ...events, ...transientEvents };
  const names = [...Object.keys(clientMessages), ...Object.keys(notices), ...Object.keys(published)].sort();
  t.same(Object.keys(components.messages).sort(), names);
  t.same(Object.keys(channels.events.messages).sort(), names);
  for (const action of Object.keys(clientMessages)) t.ok(written[action].reply.messages.length >= 2, action);
  t.equal(written.publish.messages.length, Object.keys(published).length);
});

t.test('a schema in a document says what the declared one says', async (t) => {
  const document = openApi(described) as Node;
  const cases: [name: string, schema: Schema, good: unknown][] = declared.flatMap(([name, { answers }]) =>
    Object.entries(answers).map(
      ([status, schema]) => [`${name} ${status}`, schema, (answerExamples[name] as Node)[status]] as const,
    ),
  ) as Node;
  for (const [name, schema, good] of cases) {
    const [operation, status] = name.split(' ') as [keyof typeof operations, string];
    const { method, path, produces = 'application/json' }: Operation = operations[operation];
    const { content } = document.paths[docPath(path)][method.toLowerCase()].responses[status];
    const written = Compile(alone(document, content[produces].schema));
    const declaredOne = Compile(schema);
    const wrong = Object.keys(good as object).flatMap((field) => [
      { ...(good as object), [field]: { wrong: true } },
      { ...(good as object), [field]: undefined },
    ]);
    for (const value of [
      good,
      {},
      [],
      null,
      { ...(good as object), surplus: {} },
      ...wrong.map((each) => JSON.parse(JSON.stringify(each))),
    ])
      t.equal(written.Check(value), declaredOne.Check(value), `${name}: ${JSON.stringify(value)}`);
  }
});

t.test('job types are shown to those who may know them, and are what a new job can have', async (t) => {
  const { components } = openApi(described) as Node;
  t.same(components.schemas.NewJob.properties.name.enum, jobTypes);
  t.notMatch(
    JSON.stringify([openApi({ ...described, jobTypes: [] }), asyncApi({ ...described, jobTypes: [] })]),
    'daily_report',
  );
  t.match(JSON.stringify(asyncApi(described)), 'daily_report');
});

t.test('the server has them, made when first asked for', async (t) => {
  const { api } = await serve();
  for (const [path, version] of [
    ['/openapi.json', { openapi: '3.1.1' }],
    ['/asyncapi.json', { asyncapi: '3.0.0' }],
  ] as const) {
    const answer = await api.absolute<Node>('GET', path);
    t.match(answer, { status: 200, headers: { 'content-type': 'application/json' }, body: version });
    t.equal(answer.body.info.version, JSON.parse(readFileSync('package.json', 'utf8')).version);
    t.match(answer.text, 'payment_check');
    t.equal((await api.absolute('GET', path)).text, answer.text);
    const head = await api.absolute('HEAD', path);
    t.same([head.status, head.text], [200, '']);
    t.match(await api.absolute('POST', path), { status: 405, headers: { allow: 'GET, HEAD' } });
    t.equal((await api.absolute('GET', path, { headers: { host: 'evil.example' } })).status, 421);
  }
  const { body } = await api.get<Node>('');
  t.match(body.links, { openapi: '/openapi.json', asyncapi: '/asyncapi.json' });
});

t.test('without the token of a server they come without its job types', async (t) => {
  const { api } = await serve({ tokens: { full: ['secret'], read: [] } });
  for (const path of ['/openapi.json', '/asyncapi.json']) {
    const read = (headers: Record<string, string>) => api.absolute<Node>('GET', path, { headers });
    const known = await read({ authorization: 'Bearer secret' });
    const unknown = await read({});
    t.same([known.status, unknown.status], [200, 200]);
    t.match(known.text, 'email_send');
    t.notMatch(unknown.text, 'email_send');
    t.equal((await read({ authorization: 'Bearer wrong' })).text, unknown.text);
    t.match(unknown.body.components.securitySchemes.token, { type: 'http', scheme: 'bearer' });
  }
});
