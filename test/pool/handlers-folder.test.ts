import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { jobTypeOf, sourcesAmong, stripsTypes } from '../../src/pool/shared/handlers-folder.js';
import { handlersDir, PoolHarness } from './harness.js';

const fine = 'export default async () => {};';

/** A folder with the given files, or folders where the text is absent. */
function folder(t: Test, files: Record<string, string>): string {
  return t.testdir({ 'package.json': '{"type":"module"}', ...files });
}

async function refusal(dir: string, importLimitMs = 10_000): Promise<string> {
  const harness = new PoolHarness({ handlersDir: dir, threads: 2, importLimitMs });
  try {
    await harness.pool.start();
    return 'it started';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await harness.pool.stop();
  }
}

t.test('one module per job type, with the options of each', async (t) => {
  const harness = await PoolHarness.start(t);
  const names = harness.handlers.map((handler) => handler.name);
  t.same(names, [...names].sort());
  t.same(
    harness.handlers.find((handler) => handler.name === 'limited'),
    {
      name: 'limited',
      description: 'Has every option set',
      concurrency: 1,
      timeoutMs: 2000,
      maxRetries: 1,
      retryDelayMs: 50,
    },
  );
  t.same(
    harness.handlers.find((handler) => handler.name === 'noop'),
    { name: 'noop', description: '', concurrency: Infinity, timeoutMs: 300_000, maxRetries: 3, retryDelayMs: 60_000 },
  );
  t.equal(handlersDir.endsWith('test/support/handlers'), true);
});

t.test('what counts as a handler', async (t) => {
  const dir = folder(t, {
    'a.js': fine,
    'b.mjs': fine,
    'c.cjs': 'module.exports = async () => {};',
    'transpiled.cjs':
      'exports.default = async () => 1; exports.options = { concurrency: 2 }; exports.__esModule = true;',
    'billing.invoice-1:x.js': fine,
    '_helper.js': 'throw new Error("not to be loaded")',
    '.hidden.js': 'throw new Error("not to be loaded")',
    'a.test.js': 'throw new Error("not to be loaded")',
    'a.d.ts': '',
    'a.js.map': '{}',
    'notes.md': '',
  });
  mkdirSync(join(dir, 'folder.js'));
  symlinkSync(join(dir, 'a.js'), join(dir, 'linked.js'));
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  t.same(
    harness.handlers.map((handler) => handler.name),
    ['a', 'b', 'billing.invoice-1:x', 'c', 'linked', 'transpiled'],
  );
  t.equal(harness.handlers.find((handler) => handler.name === 'transpiled')?.concurrency, 2);
  t.match(await harness.run('c'), { kind: 'succeeded' });
  t.match(await harness.run('transpiled'), { kind: 'succeeded', result: '1' });
});

const broken: Record<string, readonly [Record<string, string>, RegExp]> = {
  'a syntax error': [
    { 'a.js': fine, 'bad.js': 'export default async () => {\n  const = 1;\n};' },
    /bad\.js:2: SyntaxError: Unexpected token '='$/,
  ],
  'a module where .js is CommonJS': [
    { 'package.json': '{"type":"commonjs"}', 'a.js': 'export default async () => 1;' },
    /a\.js[:\d]*: SyntaxError: Unexpected token 'export'\. Node takes it for CommonJS: call it \.mjs, or set "type": "module" in/,
  ],
  'an import where .js is CommonJS': [
    { 'package.json': '{"type":"commonjs"}', 'a.js': 'import "node:fs"; module.exports = () => 1;' },
    /a\.js[:\d]*: SyntaxError: Cannot use import statement outside a module\. Node takes it for CommonJS/,
  ],
  'a throw on import': [{ 'bad.js': 'throw new Error("no database");' }, /bad\.js: Error: no database$/],
  'an odd throw on import': [{ 'bad.js': 'throw undefined;' }, /bad\.js: Error: the handler threw undefined$/],
  'an import that is not there': [
    { 'bad.js': 'import "./missing.js";' },
    /bad\.js: Error: Cannot find module .*missing\.js/,
  ],
  'no default export': [{ 'bad.js': 'export const handler = () => {};' }, /bad\.js: no default function/],
  'a default that is no function': [{ 'bad.js': 'export default { start() {} };' }, /bad\.js: no default function/],
  'a schema that is none': [
    { 'bad.js': `${fine} export const payload = 'order';` },
    /bad\.js: payload must be a schema: an object of JSON Schema, or of typebox$/,
  ],
  'a schema that is no JSON': [
    { 'bad.js': `${fine} export const payload = { properties: {} }; payload.properties.own = payload;` },
    /bad\.js: the payload schema cannot be written as JSON: .*circular/,
  ],
  'options given twice': [
    { 'bad.js': 'export default { options: {}, run() {} }; export const options = {};' },
    /bad\.js: options is given twice, in the default export and beside it$/,
  ],
  'an exit on import': [
    { 'bad.js': 'process.exit(7);' },
    /bad\.js ended its thread \(exit code 7\) while it was loaded$/,
  ],
  'no handler': [{ 'notes.md': '' }, /no handler in .*payment_check\.js$/],
  'only TypeScript': [
    { 'payment_check.ts': fine, 'a.d.ts': '' },
    /only TypeScript such as payment_check\.ts, and this Node \(v\d.*\) does not run TypeScript: start the server with Node 22\.18 or later, or compile it/,
  ],
  'a name that is no job type': [{ 'my handler.js': fine }, /my handler\.js: its name is not a job type/],
  'two files for one type': [{ 'a.js': fine, 'a.mjs': fine }, /a\.mjs: a\.js is already the handler of a$/],
  'an unknown option': [
    { 'bad.js': `${fine} export const options = { retries: 3 };` },
    /bad\.js: unknown option retries; there are description, timeout/,
  ],
  'options that are no object': [
    { 'bad.js': `${fine} export const options = [];` },
    /bad\.js: options must be an object$/,
  ],
  'a timeout without unit': [
    { 'bad.js': `${fine} export const options = { timeout: '30' };` },
    /bad\.js: option timeout has no unit/,
  ],
  'a timeout of nothing': [
    { 'bad.js': `${fine} export const options = { timeout: '0s' };` },
    /bad\.js: option timeout must be longer than 0$/,
  ],
  'a timeout that is a number': [
    { 'bad.js': `${fine} export const options = { timeout: 30 };` },
    /bad\.js: option timeout must be a string such as '5m'$/,
  ],
  'a concurrency of 0': [
    { 'bad.js': `${fine} export const options = { concurrency: 0 };` },
    /bad\.js: option concurrency must be a whole number from 1$/,
  ],
  'too many retries': [
    { 'bad.js': `${fine} export const options = { max_retries: 101 };` },
    /bad\.js: option max_retries must be a whole number from 0 to 100$/,
  ],
  'a description that is no text': [
    { 'bad.js': `${fine} export const options = { description: 1 };` },
    /bad\.js: option description must be a string$/,
  ],
  'an option that cannot leave its thread': [
    { 'bad.js': `${fine} export const options = { retry_delay: () => '5s' };` },
    /bad\.js: option retry_delay must be a string such as '5m'$/,
  ],
  'a concurrency without end': [
    { 'bad.js': `${fine} export const options = { concurrency: Infinity };` },
    /bad\.js: option concurrency must be a whole number from 1$/,
  ],
};

for (const [what, [files, reason]] of Object.entries(broken)) {
  const skip = what === 'only TypeScript' && stripsTypes && 'this Node runs it';
  t.test(`refused: ${what}`, { skip }, async (t) => {
    t.match(await refusal(folder(t, files)), reason);
  });
}

t.test('a handler with all that belongs to it', async (t) => {
  const dir = folder(t, {
    'beside.js': `${fine} export const payload = { type: 'object', title: 'beside' };`,
    'defined.js':
      "export default { payload: { title: 'd', default: undefined, [Symbol('kind')]: 1 }, options: { concurrency: 3 }, greeting: 'hi', run() { return this.greeting; } };",
    'common.cjs': "module.exports = { payload: { title: 'c' }, options: { max_retries: 0 }, run: () => 2 };",
    'transpiled.cjs': "exports.default = { payload: { title: 't' }, run: () => 3 }; exports.__esModule = true;",
    'mixed.js': "export default { run: () => 4 }; export const payload = { title: 'm' };",
  });
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  const found = Object.fromEntries(harness.handlers.map(({ name, payload }) => [name, payload]));
  t.same(found, {
    beside: { file: join(dir, 'beside.js'), schema: { type: 'object', title: 'beside' } },
    common: { file: join(dir, 'common.cjs'), schema: { title: 'c' } },
    defined: { file: join(dir, 'defined.js'), schema: { title: 'd' } },
    mixed: { file: join(dir, 'mixed.js'), schema: { title: 'm' } },
    transpiled: { file: join(dir, 'transpiled.cjs'), schema: { title: 't' } },
  });
  t.equal(harness.handlers.find(({ name }) => name === 'defined')?.concurrency, 3);
  t.equal(harness.handlers.find(({ name }) => name === 'common')?.maxRetries, 0);
  t.match(await harness.run('defined'), { kind: 'succeeded', result: '"hi"' }, 'it is called as a method');
  t.match(await harness.run('common'), { kind: 'succeeded', result: '2' });
  t.match(await harness.run('transpiled'), { kind: 'succeeded', result: '3' });
});

t.test('TypeScript runs where Node leaves out types', { skip: !stripsTypes && 'this Node runs none' }, async (t) => {
  const dir = folder(t, {
    'a.ts': "import { two, type Two } from './_two.ts';\nexport default (): Two => two;",
    'b.mts': 'export default async (payload: object): Promise<number> => Object.keys(payload).length;',
    'c.cts': 'module.exports = (payload: object): number => 3;',
    'd.ts': 'throw new Error("what was compiled goes before this")',
    'd.js': fine,
    'e.d.ts': 'export {};',
    'f.test.ts': 'throw new Error("not to be loaded")',
    '_two.ts': 'export type Two = 2;\nexport const two: Two = 2;',
  });
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  t.same(
    harness.handlers.map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  );
  t.match(await harness.run('a'), { kind: 'succeeded', result: '2' });
  t.match(await harness.run('b', { one: 1 }), { kind: 'succeeded', result: '1' });
  t.match(await harness.run('c'), { kind: 'succeeded', result: '3' });
  t.match(
    await refusal(folder(t, { 'bad.ts': 'export default () => {}; enum Colour { Red }' })),
    /bad\.ts.*: SyntaxError: .*enum/i,
  );
});

t.test('which TypeScript a Node that runs none passes over', async (t) => {
  t.same(
    sourcesAmong([
      'a.ts',
      'b.ts',
      'b.js',
      'c.mts',
      'd.d.ts',
      'e.d.mts',
      'f.test.ts',
      '_g.ts',
      '.h.ts',
      'i.js',
      'j.cts',
    ]),
    ['a.ts', 'c.mts', 'j.cts'],
  );
  for (const [file, type] of [
    ['a.ts', 'a'],
    ['a.b.mts', 'a.b'],
    ['a.d.ts', undefined],
    ['a.d.cts', undefined],
    ['a.tsx', undefined],
    ['_a.ts', undefined],
  ] as const) {
    t.equal(jobTypeOf(file, true), type, file);
    t.equal(jobTypeOf(file, false), undefined, file);
  }
});

t.test('refused: a folder that is not there, or is a file', async (t) => {
  const dir = folder(t, { 'a.js': fine });
  t.match(await refusal(join(dir, 'nowhere')), /cannot read the handlers folder .*nowhere: it does not exist$/);
  t.match(await refusal(join(dir, 'a.js')), /cannot read the handlers folder .*a\.js: it is a file$/);
});

t.test('refused: an import without end', async (t) => {
  const dir = folder(t, {});
  const write = (name: string, text: string): string => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'bad.mjs'), text);
    return join(dir, name);
  };
  const [awaiting, looping] = await Promise.all([
    refusal(write('awaiting', 'await new Promise(() => {});'), 400),
    refusal(write('looping', 'for (;;);'), 400),
  ]);
  t.match(awaiting, /bad\.mjs: its import did not end within 0.4 s/);
  t.match(looping, /bad\.mjs did not load within 0.6 s$/);
});
