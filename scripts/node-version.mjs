/**
 * Whether this Node runs the program, by `engines` in package.json. The program loads this before anything else, and
 * `npm run build` runs it: so it keeps to what Node 14 understands.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/**
 * What is wrong with a version of Node.
 *
 * @param {string} version as in `process.versions.node`
 * @param {string} [range] alternatives between `||`, each a list of `>=20.15`, `<21` or `22`
 * @returns {string | undefined} a sentence for the user; undefined when it fits
 */
export function nodeFault(version, range = engines.node) {
  const alternatives = range.split('||').map((alternative) => alternative.trim().split(/\s+/));
  if (alternatives.some((bounds) => bounds.every((bound) => holds(bound, version)))) return undefined;
  const names = alternatives.map(name);
  const last = names.pop();
  const fitting = names.length === 0 ? last : `${names.join(', ')} or ${last}`;
  return `this is Node.js ${version}, and escapement needs Node.js ${fitting}: install one of these and start again with it`;
}

/** Ends the process with one line where this Node does not fit. */
export function requireNode() {
  const fault = nodeFault(process.versions.node);
  if (fault === undefined) return;
  process.stderr.write(`escapement: ${fault}\n`);
  process.exit(1);
}

function holds(bound, version) {
  const [, sign, text] = /^(>=|<|)(\d+(?:\.\d+)*)$/.exec(bound) || [];
  if (text === undefined) throw new Error(`engines in package.json has ${bound}, which is not understood`);
  const wanted = text.split('.').map(Number);
  const numbers = version.split(/[.-]/).map(Number);
  const difference = wanted.map((number, i) => numbers[i] - number).find((each) => each !== 0) || 0;
  if (sign === '>=') return difference >= 0;
  return sign === '<' ? difference < 0 : difference === 0;
}

/** `20 (from 20.15)` for `>=20.15 <21`. */
function name(bounds) {
  const from = bounds[0].replace('>=', '');
  return from === bounds[0] ? from : `${from.split('.')[0]} (from ${from})`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) requireNode();
