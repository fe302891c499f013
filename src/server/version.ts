/** The version of this package, as its package.json says it. */
import { readFileSync } from 'node:fs';

/** This file runs as `dist/src/server/version.js`. */
const manifest = new URL('../../../package.json', import.meta.url);

/** `1.2.3` */
export const version = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
