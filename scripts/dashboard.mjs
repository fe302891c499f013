/**
 * Builds the dashboard: bundles dashboard/src into files that are named after what is in them, puts these names into the page, and
 * compresses all for `src/server/pages/dashboard.ts`. A step of `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'dist/dashboard');
/** All files together, gzipped. */
const mostBytes = 150_000;

const installed = (name) => existsSync(join(root, 'node_modules', name, 'package.json'));
const missing = ['preact', '@preact/signals', 'uplot'].filter((name) => !installed(name));
if (missing.length > 0) {
  console.error(`The dashboard is not built: ${missing.join(', ')} must be installed first (npm ci).`);
  process.exit(process.env.CI ? 1 : 0);
}
const checked = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'dashboard'], {
  cwd: root,
  stdio: 'inherit',
});
if (checked.status !== 0) process.exit(1);

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['dashboard/src/main.tsx', 'dashboard/src/style/main.css'],
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  outdir: 'dist/dashboard',
  write: false,
  metafile: true,
  logLevel: 'warning',
});
const entry = (source) =>
  basename(Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source)[0]);
const page = readFileSync(join(root, 'dashboard/index.html'), 'utf8')
  .replace('%SCRIPT%', `dashboard/${entry('dashboard/src/main.tsx')}`)
  .replace('%STYLE%', `dashboard/${entry('dashboard/src/style/main.css')}`);
const licences = ['preact', '@preact/signals', '@preact/signals-core', 'uplot']
  .map((name) => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`)
  .join('\n\n');

mkdirSync(target, { recursive: true });
for (const name of readdirSync(target)) rmSync(join(target, name));
const files = [
  ['index.html', Buffer.from(page)],
  ...outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]),
];
let total = 0;
for (const [name, bytes] of files) {
  const gzipped = gzipSync(bytes, { level: 9 });
  total += gzipped.length;
  writeFileSync(join(target, `${name}.gz`), gzipped);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(join(target, `${name}.br`), brotliCompressSync(bytes, { params }));
}
writeFileSync(join(target, 'LICENSES.txt'), licences);
if (total > mostBytes) {
  console.error(`The dashboard has ${total} bytes gzipped, more than ${mostBytes}.`);
  process.exitCode = 1;
}
