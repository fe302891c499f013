/** The install step that removes the binaries of uWebSockets.js for other machines, in folders made up here. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { temporary } from '../support/server.js';

interface PruneUws {
  prune(
    dir: string,
    machine: { platform: string; arch: string; modules: string },
  ): { removed: string[]; bytes: number };
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const script = join(root, 'scripts/prune-uws.mjs');
const { prune } = (await import(pathToFileURL(script).href)) as PruneUws;

const others = ['package.json', 'uws.js', 'index.d.ts', 'uws_notes.txt'];
const binaries = [
  'uws_darwin_arm64_115.node',
  'uws_linux_arm64_115.node',
  'uws_linux_arm64_115.node.orig',
  'uws_linux_x64_115.node',
  'uws_linux_x64_115.node.orig',
  'uws_linux_x64_127.node',
  'uws_win32_x64_115.node',
];
const here = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;

function fill(dir: string, names: readonly string[] = binaries): string {
  mkdirSync(dir, { recursive: true });
  for (const name of [...names, ...others]) writeFileSync(join(dir, name), name === 'package.json' ? '{}' : 'x');
  return dir;
}

t.test('only what fits the machine stays, with its original', async (t) => {
  const dir = fill(join(temporary('uws'), 'package'));
  const { removed, bytes } = prune(dir, { platform: 'linux', arch: 'x64', modules: '115' });
  t.same([removed.length, bytes], [5, 5]);
  t.same(readdirSync(dir).sort(), [...others, 'uws_linux_x64_115.node', 'uws_linux_x64_115.node.orig'].sort());
  t.same(prune(dir, { platform: 'linux', arch: 'x64', modules: '115' }), { removed: [], bytes: 0 });
});

t.test('where nothing fits, all stays', async (t) => {
  const dir = fill(join(temporary('uws'), 'package'));
  t.same(prune(dir, { platform: 'linux', arch: 'x64', modules: '131' }), { removed: [], bytes: 0 });
  t.equal(readdirSync(dir).length, binaries.length + others.length);
});

/** Runs the step in a copy below `folder`, as npm would; the binaries that are left. */
function install(folder: string, args: string[], env: Record<string, string> = {}): { left: string[]; stdout: string } {
  const modules = join(temporary('install'), folder);
  const uws = fill(join(modules, 'node_modules/uWebSockets.js'), [here, 'uws_other_x64_1.node']);
  const scripts = join(modules, 'scripts');
  mkdirSync(scripts);
  for (const name of ['prune-uws.mjs', 'patch-uws.mjs']) cpSync(join(root, 'scripts', name), join(scripts, name));
  const run = spawnSync(process.execPath, [join(scripts, 'prune-uws.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  t.equal(run.status, 0, run.stderr);
  return { left: readdirSync(uws).filter((name) => name.endsWith('.node')), stdout: run.stdout };
}

t.test('an installed package prunes and says so; a clone does not, nor does anybody who says no', async (t) => {
  const installed = install('node_modules/escapement', []);
  t.same(installed.left, [here]);
  t.match(installed.stdout, /^uWebSockets\.js: 1 binaries .* removed .*KEEP_UWS_BINARIES=1[^\n]*\n$/);
  t.same(install('clone', ['--always']).left, [here]);
  t.same(install('clone', []).left.length, 2);
  const kept = install('node_modules/escapement', [], { KEEP_UWS_BINARIES: '1' });
  t.same([kept.left.length, kept.stdout], [2, '']);
});
