/** What the options of handler modules become. How they are refused: test/pool/handlers-folder.test.ts. */
import t from 'tap';
import { optionsSchema, readHandlers } from '../../src/pool/incoming/handler-options.js';
import type { HandlerOptions } from '../../src/pool/worker/handler.js';

const read = (options: unknown) => readHandlers('/handlers', [{ name: 'a', file: 'a.js', options }]);
const defaults = {
  name: 'a',
  description: '',
  concurrency: Number.POSITIVE_INFINITY,
  timeoutMs: 300_000,
  maxRetries: 3,
  retryDelayMs: 60_000,
};

t.test('absent options take the defaults', async (t) => {
  t.same(read(undefined), { handlers: [defaults] });
  t.same(read({}), { handlers: [defaults] });
  t.same(read({ timeout: undefined, max_retries: undefined }), { handlers: [defaults] });
});

t.test('given ones do not', async (t) => {
  const options = { description: 'd', timeout: '30s', concurrency: 4, max_retries: 0, retry_delay: '0s' };
  const set = { description: 'd', timeoutMs: 30_000, concurrency: 4, maxRetries: 0, retryDelayMs: 0 };
  t.same(read(options satisfies HandlerOptions), { handlers: [{ name: 'a', ...set }] });
});

t.test('the first module with a fault is named', async (t) => {
  const declared = ['a', 'b', 'c'].map((name, at) => ({
    name,
    file: `${name}.mjs`,
    options: at === 0 ? {} : { timeout: at },
  }));
  t.same(readHandlers('/handlers', declared), {
    fault: "/handlers/b.mjs: option timeout must be a string such as '5m'",
  });
  t.same(read({ max_retries: null }), {
    fault: '/handlers/a.js: option max_retries must be a whole number from 0 to 100',
  });
  t.same(read(null), { fault: '/handlers/a.js: options must be an object' });
  t.match(read({ retry_delay: '5' }), { fault: /^\/handlers\/a\.js: option retry_delay has no unit/ });
});

t.test('every option is described', async (t) => {
  for (const [option, schema] of Object.entries(optionsSchema.properties))
    t.match(schema as object, { description: String }, option);
});
