/** What `npm pack` packs: a program that starts, and documents whose links lead somewhere. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

t.setTimeout(120_000);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: { escapement: string };
  exports: { '.': { types: string; default: string }; './handler': { types: string } };
  imports: Record<string, string>;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
};
const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' })) as {
  files: { path: string }[];
}[];
const files = new Set(packed!.files.map(({ path }) => path));

t.test('the program and the install steps are packed, and it is built before', async (t) => {
  const steps = manifest.scripts.postinstall!.match(/scripts\/[\w-]+\.mjs/g) ?? [];
  t.equal(steps.length, 2);
  const needed = [manifest.bin.escapement, ...Object.values(manifest.imports), ...steps];
  for (const path of [...needed, 'dist/src/cli/command-line.js', 'dist/workers/email_send.js'])
    t.ok(files.has(posix.normalize(path)), path);
  t.match(manifest.scripts.prepack, /^npm run build\b/);
  t.equal(manifest.scripts.prepare, undefined, 'npm ci does not build');
});

t.test(
  'the page of the API is packed with what it loads and its licences, without the library that has them',
  async (t) => {
    const folder = 'dist/src/server/pages/files';
    for (const name of [
      'swagger-ui-bundle.js.gz',
      'swagger-ui.css.gz',
      'docs-page.js.gz',
      'swagger-ui.LICENSE',
      'swagger-ui.NOTICE',
    ])
      t.ok(files.has(`${folder}/${name}`), name);
    t.notOk('swagger-ui-dist' in manifest.dependencies);
  },
);

t.test('the types of a handler are packed, and a handler compiles against them', (t) => {
  t.ok(files.has(posix.normalize(manifest.exports['./handler'].types)));
  const folder = t.testdir({
    'greet.ts': `import type { Handler, HandlerOptions } from 'escapement/handler';
export const options: HandlerOptions = { timeout: '30s', max_retries: 5 };
const greet: Handler<{ name: string }> = async ({ name }, ctx) => {
  ctx.log.info('hello', { name, attempt: ctx.attempt, at: ctx.scheduledFor.toISOString(), stopped: ctx.signal.aborted });
  // @ts-expect-error there is no such level
  ctx.log.shout('hello');
  return { greeted: name };
};
export default greet;
`,
    node_modules: {
      escapement: t.fixture('symlink', root),
      '@types': t.fixture('symlink', join(root, 'node_modules/@types')),
    },
  });
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
  ];
  const compiler = join(root, 'node_modules/.bin/tsc');
  const { status, stdout } = spawnSync(compiler, [...options, join(folder, 'greet.ts')], {
    cwd: folder,
    encoding: 'utf8',
  });
  t.equal(status, 0, stdout);
  t.end();
});

t.test('defineHandler is packed, gives the payload its type, and is there when handlers run', (t) => {
  const { types, default: code } = manifest.exports['.'];
  for (const path of [types, code]) t.ok(files.has(posix.normalize(path)), path);
  const folder = t.testdir({
    'package.json': '{"type":"module"}',
    'handlers.ts': `import { defineHandler } from 'escapement';
import { Escapement } from 'escapement/client';
import Type from 'typebox';
export const charge = defineHandler({
  payload: Type.Object({ order_id: Type.String(), amount: Type.Optional(Type.Number()) }),
  options: { timeout: '30s' },
  run: async ({ order_id, amount = 0 }, ctx) => {
    ctx.log.info(order_id.trim(), { amount: amount.toFixed(2) });
    // @ts-expect-error the schema has no such field
    return (({ other }) => ({ paid: amount > 0 }))({ order_id });
  },
});
export const plain = defineHandler({
  payload: { type: 'object', properties: { day: { type: 'string' } } },
  run: (payload) => {
    // @ts-expect-error no type follows from plain JSON Schema
    return payload.day;
  },
});
export const annotated = defineHandler({
  payload: { type: 'object' },
  run: (payload: { readonly day: string }) => payload.day.length,
});
export const free = defineHandler({ run: (payload) => Object.keys(payload).length });
// @ts-expect-error there is no such option
defineHandler({ options: { retries: 3 }, run: () => 1 });
// @ts-expect-error it has nothing to run
defineHandler({ payload: Type.Object({}) });
const client = new Escapement<{ charge: typeof charge; annotated: { default: typeof annotated } }>({ url: '' });
export const calls = async () => {
  const job = await client.jobs.create({ name: 'charge', delay: '1m', payload: { order_id: 'A-1' } });
  const paid: boolean | undefined = job.result?.paid;
  await client.jobs.create({ name: 'annotated', delay: '1m', payload: { day: 'today' } });
  // @ts-expect-error the payload is another type's
  await client.jobs.create({ name: 'charge', delay: '1m', payload: { day: 'today' } });
  return paid;
};
`,
    'run.js': `import { defineHandler } from 'escapement';
const definition = { run: () => 1 };
if (defineHandler(definition) !== definition) process.exit(1);
`,
    node_modules: {
      escapement: t.fixture('symlink', root),
      typebox: t.fixture('symlink', join(root, 'node_modules/typebox')),
      '@types': t.fixture('symlink', join(root, 'node_modules/@types')),
    },
  });
  const options = '--ignoreConfig --noEmit --strict --module nodenext --target es2023 --types node'.split(' ');
  const compiler = join(root, 'node_modules/.bin/tsc');
  const compiled = spawnSync(compiler, [...options, join(folder, 'handlers.ts')], { cwd: folder, encoding: 'utf8' });
  t.equal(compiled.status, 0, compiled.stdout);
  t.equal(spawnSync(process.execPath, [join(folder, 'run.js')]).status, 0);
  t.end();
});

t.test('nothing is packed that only tests run', async (t) => {
  t.same(
    [...files].filter((path) => /^(dist\/(test|bench)|node_modules|bench|src)\//.test(path)),
    [],
  );
});

t.test('each relative link in a packed document names a packed file', async (t) => {
  const documents = [...files].filter((path) => path.endsWith('.md'));
  t.ok(documents.length >= 5);
  let links = 0;
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8');
    for (const [, link] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
      const target = posix.join(posix.dirname(document), link!);
      links += 1;
      t.ok(
        files.has(target) || [...files].some((path) => target.endsWith('/') && path.startsWith(target)),
        `${document}: ${link}`,
      );
    }
  }
  t.ok(links > 20, 'links are found');
});
