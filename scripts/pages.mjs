/**
 * Puts the files of the page `/docs` beside the code that serves them, compressed: Swagger UI, which is not needed at run
 * time otherwise, with its licences, and our own script. A step of `npm run build`.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const library = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const target = join(root, 'dist/src/server/pages/files');

mkdirSync(target, { recursive: true });
for (const file of [
  join(library, 'swagger-ui-bundle.js'),
  join(library, 'swagger-ui.css'),
  join(root, 'src/server/pages/docs-page.js'),
])
  writeFileSync(join(target, `${basename(file)}.gz`), gzipSync(readFileSync(file), { level: 9 }));
for (const name of ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'])
  copyFileSync(join(library, name), join(target, name.startsWith('swagger') ? name : `swagger-ui.${name}`));
