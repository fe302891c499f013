/**
 * The one place that loads uWebSockets.js. It reads its bound on request heads from the environment when it is loaded,
 * and only then; its own default of 4 KiB is less than a browser's cookies and a token may need.
 */
import './settings.js';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Node's numbers of the versions 20, 22, 24 and 25, for which the package has binaries. */
const abis: ReadonlySet<string> = new Set(['115', '127', '137', '141']);

export const uWS = load();

/** @throws Error that tells the user why there is no binary that runs here, and what to do */
function load(): typeof import('uWebSockets.js') {
  try {
    return createRequire(import.meta.url)('uWebSockets.js') as typeof import('uWebSockets.js');
  } catch (error) {
    throw new Error(whyNot(String(error)), { cause: error });
  }
}

function whyNot(reason: string): string {
  const here = `Node.js ${process.version} on ${process.platform}, ${process.arch}`;
  if (reason.includes('GLIBC')) {
    const script = fileURLToPath(new URL('../../../../scripts/patch-uws.mjs', import.meta.url));
    return `the binary of uWebSockets.js asks for a newer glibc than this system has, and the install step that adapts it has not run: run "node ${script}"`;
  }
  const [, abi] = /Cannot find module '\.\/uws_\w+_(\d+)\.node/.exec(reason) ?? [];
  if (abi !== undefined && abis.has(abi)) {
    return `the binary of uWebSockets.js for ${here} is not installed, since an installation keeps only that for the Node.js it was made with: install again, by "npm ci" or by removing node_modules and "npm install"`;
  }
  if (abi !== undefined)
    return `uWebSockets.js has no binary for ${here}: use Node.js 20, 22, 24 or 25 on Linux with glibc, macOS or Windows`;
  return `uWebSockets.js cannot be loaded by ${here}: ${reason.replace(/\s+/g, ' ')}`;
}
