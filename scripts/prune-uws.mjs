/**
 * Install step: removes the binaries of uWebSockets.js that this machine's Node cannot load. The package has one for each
 * platform and version of Node, 5 to 7 MB apiece.
 *
 * It does so where this project was installed into `node_modules`, and anywhere with `--always`; not in a clone, whose tests
 * look at all binaries. With the variable KEEP_UWS_BINARIES set it does nothing: for an installation that will run on
 * another platform or another Node. It never fails an install.
 */
import { readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackage, PACKAGE } from './patch-uws.mjs';

const SCRIPT = fileURLToPath(import.meta.url);
const BINARY = /^uws_\w+_\d+\.node(?:\.orig)?$/;

/**
 * @param {string} dir the folder of the uWebSockets.js package
 * @param {{ platform: string, arch: string, modules: string }} machine what will load it; `modules` is Node's ABI
 * @returns {{ removed: string[], bytes: number }} nothing where no binary fits: then another is tried in vain, and the
 *   files may say why
 */
export function prune(dir, { platform, arch, modules }) {
  const fitting = `uws_${platform}_${arch}_${modules}.node`;
  const names = readdirSync(dir).filter((name) => BINARY.test(name));
  const removed = names.includes(fitting) ? names.filter((name) => !name.startsWith(fitting)) : [];
  let bytes = 0;
  for (const name of removed) {
    bytes += statSync(join(dir, name)).size;
    rmSync(join(dir, name));
  }
  return { removed, bytes };
}

function main() {
  const installed = SCRIPT.split(sep).includes('node_modules');
  if (process.env.KEEP_UWS_BINARIES || !(installed || process.argv.includes('--always'))) return undefined;
  const dir = findPackage();
  if (dir === undefined) return undefined;
  const { platform, arch, versions } = process;
  const { removed, bytes } = prune(dir, { platform, arch, modules: versions.modules });
  if (removed.length === 0) return undefined;
  return `${PACKAGE}: ${removed.length} binaries for other platforms and versions of Node.js removed (${Math.round(bytes / 1e6)} MB; KEEP_UWS_BINARIES=1 keeps them).`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === SCRIPT) {
  try {
    const line = main();
    if (line !== undefined) console.log(line);
  } catch (error) {
    console.log(`${PACKAGE} could not be pruned: ${error.message}`);
  }
}
