/** Which versions of Node are taken, and what users of others are told. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { nodeFault } from '#node-version';
import { temporary } from '../support/server.js';

t.setTimeout(180_000);
const root = fileURLToPath(new URL('../../../', import.meta.url));

t.test('versions that fit, and that do not', async (t) => {
  for (const version of [
    '20.15.0',
    '20.15.1',
    '20.19.5',
    '22.0.0',
    '22.21.1',
    '24.11.1',
    '25.2.0',
    '26.10.0',
    process.versions.node,
  ])
    t.equal(nodeFault(version), undefined, version);
  for (const version of ['14.21.3', '16.20.2', '18.20.8', '20.6.1', '20.14.0', '21.7.3', '23.11.0', '27.0.0']) {
    t.equal(
      nodeFault(version),
      `this is Node.js ${version}, and escapement needs Node.js 20 (from 20.15), 22, 24, 25 or 26: install one of these and start again with it`,
    );
  }
});

t.test('a range that is not understood is an error, not a yes', async (t) => {
  for (const range of ['^20', '20.x', '*', '>20', '']) t.throws(() => nodeFault('20.15.0', range), range);
  t.match(nodeFault('20.15.0', '22'), /needs Node\.js 22:/);
});

t.test('with another version each way to start ends in one line', async (t) => {
  const hook = join(temporary('hook'), 'hook.cjs');
  writeFileSync(hook, "Object.defineProperty(process.versions, 'node', { value: '18.20.8' });");
  const env = { ...process.env, NODE_OPTIONS: `--require ${hook}` };
  for (const args of [['dist/src/cli.js', 'start'], ['dist/src/cli.js', 'check', 'x'], ['scripts/node-version.mjs']]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
    t.same([status, stdout], [1, ''], args.join(' '));
    t.match(stderr, /^escapement: this is Node\.js 18\.20\.8, and [^\n]+\n$/);
  }
});

t.test('npm start asks before it builds', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  t.match(scripts.prestart, /^npm run build\b/);
  t.match(scripts.build, /^node scripts\/node-version\.mjs && /);
});

t.test('what is loaded before the version is known keeps to what Node 14 reads', async (t) => {
  const check = readFileSync(join(root, 'scripts/node-version.mjs'), 'utf8');
  t.notMatch(check, /\?\?=|\|\|=|&&=|\.at\(|#\w+[ =(]|\.replaceAll|^await |static \{|Object\.hasOwn/m);
  const program = readFileSync(join(root, 'dist/src/cli.js'), 'utf8');
  t.same(program.match(/^import .*$/gm), ["import { requireNode } from '#node-version';"]);
});
