/** What handlers declare of their payloads becomes a check; what compiles schemas is loaded only for that. */
import { createRequire } from 'node:module';
import t from 'tap';
import { jobTypesOf } from '../../src/reload/job-types.js';

const handler = (name: string) => ({
  name,
  description: '',
  concurrency: 1,
  timeoutMs: 1000,
  maxRetries: 0,
  retryDelayMs: 0,
});
const payload = (schema: object) => ({ file: '/jobs/a.js', schema: schema as Readonly<Record<string, unknown>> });
const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('node_modules/ajv/'));

t.test('where none declares a schema, nothing is loaded and nothing changes', async (t) => {
  const handlers = [handler('a'), handler('b')];
  t.equal(await jobTypesOf(handlers), handlers);
  t.notOk(isLoaded());
});

t.test('a schema becomes a check, and stays to be shown', async (t) => {
  const schema = { required: ['x'] };
  const [a, b] = await jobTypesOf([handler('a'), { ...handler('b'), payload: payload(schema) }]);
  t.ok(isLoaded());
  t.notOk('payload' in a!);
  t.same(b!.payload!.schema, schema);
  t.same(b!.payload!.check({}, 2), [{ path: '/x', message: 'is required' }]);
});

t.test('one that cannot be used is told with its file and its place', async (t) => {
  for (const [schema, message] of [
    [
      { properties: { a: { typ: 'string' } } },
      '/jobs/a.js: the payload schema at /properties/a has the unknown keyword "typ"',
    ],
    [{ $ref: '#' }, '/jobs/a.js: the payload schema refers to itself without end'],
  ] as const) {
    await t.rejects(jobTypesOf([{ ...handler('a'), payload: payload(schema) }]), { message });
  }
});
