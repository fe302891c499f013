/**
 * Install step: lets the linux binaries of uWebSockets.js load where the C library is older than glibc 2.38.
 *
 * They ask for GLIBC_2.38 only because the compiler they were built with turned strtol, strtoul and sscanf into the
 * C23 variants `__isoc23_strtol`, `__isoc23_strtoul` and `__isoc23_sscanf`, which differ in nothing but accepting binary
 * literals such as `0b1`. Bound to the classic three, the same code loads on every supported glibc, old or new.
 *
 * Only files whose SHA-256 is listed below are touched. Each is replaced whole (written beside, then renamed) and the
 * original stays next to it as `*.orig`. Running the step again changes nothing, and it never fails an install: the
 * server checks at its start whether the binary loads.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PACKAGE = 'uWebSockets.js';
const NEEDED = 'GLIBC_2.38';
const PREFIX = '__isoc23_';
const SYMBOLS = ['strtol', 'strtoul', 'sscanf'];

/** The oldest glibc symbol version of each architecture: what the classic three are exported under. */
const BASE_VERSION = { x64: 'GLIBC_2.2.5', arm64: 'GLIBC_2.17' };

/** SHA-256 of the files as published, by file name. The number in a name is Node's ABI: 115 is Node 20, 141 is Node 25. */
export const KNOWN = {
  'uws_linux_x64_115.node': '5b126ee00bf754b02e97e4c27090365a8562c5820c93f93918ac2212d4503e91',
  'uws_linux_x64_127.node': '4b55b1f2cb7a7913febbb65a89496412b96af77e838552980092ba6b33723aac',
  'uws_linux_x64_137.node': '98128405dba2fb608448e921a979530f70c946a2cc9889c15f2fa70c2d00ab05',
  'uws_linux_x64_141.node': '813d788b347c6fd76b779d8932311ec05a044e612b4b83af220f16e6ea789683',
  'uws_linux_arm64_115.node': '6bdbc8ff976b4371af1906175e9025804bacc38a414969f4f02314e6b99f206c',
  'uws_linux_arm64_127.node': '82b79bd18d1e3563de336156005bd01b7f39fc387b65173d69a29da4ee79f895',
  'uws_linux_arm64_137.node': '88618b30ddf6b2b62310db89f40a701616676352aac5e0f6184dd8ef876199ce',
  'uws_linux_arm64_141.node': '81d0186dd1549ed6a7f47e68e323573fc27d69d2920527654ce2dd993af2b0ec',
};

// From the ELF-64 specification and the GNU extensions in glibc's elf.h.
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0n;
const DT_STRTAB = 5n;
const DT_SYMTAB = 6n;
const DT_GNU_HASH = 0x6ffffef5n;
const DT_VERSYM = 0x6ffffff0n;
const DT_VERNEED = 0x6ffffffen;
const SYM_SIZE = 24;
const VER_FLG_WEAK = 2;

/**
 * Returns a copy of an ELF-64 shared object that no longer insists on GLIBC_2.38.
 *
 * @param {Uint8Array} source the original file
 * @param {'x64' | 'arm64'} arch as in `process.arch`
 * @returns {Buffer} the patched file, as long as the original
 * @throws {Error} when the file is not built the way this patch expects; nothing is half done then
 */
export function patchElf(source, arch) {
  const elf = Buffer.from(source);
  const need = (ok, what) => {
    if (!ok) throw new Error(`not the ELF file expected: ${what}`);
  };
  need(elf.length > 64 && elf.readUInt32BE(0) === 0x7f454c46, 'no ELF header');
  need(elf[4] === 2 && elf[5] === 1, 'not 64-bit little-endian');
  const base = BASE_VERSION[arch];
  need(base !== undefined, `no base version for ${arch}`);

  const { dynamic, offsetOf } = readSegments(elf);
  const at = (tag) => {
    need(dynamic.has(tag), `no dynamic entry 0x${tag.toString(16)}`);
    return offsetOf(dynamic.get(tag));
  };
  const strings = at(DT_STRTAB);
  const symbols = at(DT_SYMTAB);
  const versions = at(DT_VERSYM);
  const stringAt = (index) => elf.toString('latin1', strings + index, elf.indexOf(0, strings + index));

  const libc = readNeeded(elf, at(DT_VERNEED), stringAt).find((versionsOfFile) => versionsOfFile.has(NEEDED));
  const wanted = libc?.get(NEEDED);
  const classic = libc?.get(base);
  need(wanted !== undefined && classic !== undefined, `no ${NEEDED} beside ${base}`);

  // Every symbol before `symoffset` is undefined and stands outside the hash table, so a new name needs no new hash.
  const hashTable = at(DT_GNU_HASH);
  const symoffset = elf.readUInt32LE(hashTable + 4);
  for (let i = 1; i < symoffset; i++) {
    const version = versions + 2 * i;
    if (elf.readUInt16LE(version) !== wanted.index) continue;
    const symbol = symbols + SYM_SIZE * i;
    const nameIndex = elf.readUInt32LE(symbol);
    const name = stringAt(nameIndex);
    need(name.startsWith(PREFIX) && SYMBOLS.includes(name.slice(PREFIX.length)), `${name} needs ${NEEDED} too`);
    need(elf.readUInt16LE(symbol + 6) === 0, `${name} is defined here`);
    // The old name ends in the new one: the same bytes of the string table, read from later on.
    elf.writeUInt32LE(nameIndex + PREFIX.length, symbol);
    elf.writeUInt16LE(classic.index, version);
  }
  // Nothing uses the version any more; weak says that its absence is no reason to refuse the file.
  elf.writeUInt16LE(elf.readUInt16LE(wanted.flagsAt) | VER_FLG_WEAK, wanted.flagsAt);
  return elf;
}

/** The dynamic section as a map from tag to value, and the way from a virtual address to a file offset. */
function readSegments(elf) {
  const loads = [];
  const dynamic = new Map();
  const start = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  for (let i = 0, header = start; i < elf.readUInt16LE(56); i++, header += size) {
    const type = elf.readUInt32LE(header);
    const offset = elf.readBigUInt64LE(header + 8);
    const address = elf.readBigUInt64LE(header + 16);
    const length = elf.readBigUInt64LE(header + 32);
    if (type === PT_LOAD) loads.push({ offset, address, length });
    if (type !== PT_DYNAMIC) continue;
    for (let entry = Number(offset); elf.readBigInt64LE(entry) !== DT_NULL; entry += 16) {
      dynamic.set(elf.readBigInt64LE(entry), elf.readBigUInt64LE(entry + 8));
    }
  }
  const offsetOf = (address) => {
    const load = loads.find((l) => address >= l.address && address < l.address + l.length);
    if (load === undefined) throw new Error('not the ELF file expected: an address outside the file');
    return Number(address - load.address + load.offset);
  };
  return { dynamic, offsetOf };
}

/** `.gnu.version_r`: per needed library, a map of its symbol versions: their index and where their flags are stored. */
function readNeeded(elf, start, stringAt) {
  const files = [];
  for (let file = start, more = true; more; ) {
    const versions = new Map();
    let entry = file + elf.readUInt32LE(file + 8);
    for (let left = elf.readUInt16LE(file + 2); left > 0; left--) {
      const name = stringAt(elf.readUInt32LE(entry + 8));
      versions.set(name, { index: elf.readUInt16LE(entry + 6), flagsAt: entry + 4 });
      entry += elf.readUInt32LE(entry + 12);
    }
    files.push(versions);
    const step = elf.readUInt32LE(file + 12);
    more = step !== 0;
    file += step;
  }
  return files;
}

/**
 * Patches every known binary in a folder.
 *
 * @param {string} dir the folder of the uWebSockets.js package
 * @returns {{ patched: string[], already: string[], unknown: string[], failed: string[] }} file names by what became of
 *   them: `unknown` ones were left alone, `failed` ones too, with the reason behind the name
 */
export function patchFolder(dir) {
  const result = { patched: [], already: [], unknown: [], failed: [] };
  for (const name of Object.keys(KNOWN)) {
    const file = join(dir, name);
    if (!existsSync(file)) continue;
    try {
      result[patchFile(file, name)].push(name);
    } catch (error) {
      result.failed.push(`${name} (${error.message})`);
    }
  }
  return result;
}

function patchFile(file, name) {
  const arch = name.includes('_arm64_') ? 'arm64' : 'x64';
  const original = `${file}.orig`;
  const content = readFileSync(file);
  if (sha256(content) === KNOWN[name]) {
    const { mode } = statSync(file);
    const patched = patchElf(content, arch);
    replaceFile(original, content, mode);
    replaceFile(file, patched, mode);
    return 'patched';
  }
  if (!existsSync(original)) return 'unknown';
  const kept = readFileSync(original);
  return sha256(kept) === KNOWN[name] && patchElf(kept, arch).equals(content) ? 'already' : 'unknown';
}

/** Write and rename: package managers may hard-link files from a shared store, and a running server may have it mapped. */
function replaceFile(file, content, mode) {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { mode });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const sha256 = (content) => createHash('sha256').update(content).digest('hex');

/**
 * Whether this machine needs the patch.
 *
 * @param {{ platform: string, arch: string, glibc: string | undefined }} machine `glibc` is its version, if it has one
 * @returns {'no' | 'yes' | string} a sentence where the patch cannot help
 */
export function diagnose({ platform, arch, glibc }) {
  if (platform !== 'linux') return 'no';
  if (glibc === undefined) {
    return `${PACKAGE} has no build for this C library (musl?): use a glibc-based system such as Debian or Ubuntu.`;
  }
  if (!(arch in BASE_VERSION)) return `${PACKAGE} has no build for linux on ${arch}: use x64 or arm64.`;
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 38) ? 'no' : 'yes';
}

/** Where a `require` from this file would look, so that it is found as well when npm hoisted it beside this package. */
export function findPackage() {
  const folders = createRequire(import.meta.url).resolve.paths(PACKAGE) ?? [];
  return folders.map((folder) => join(folder, PACKAGE)).find((folder) => existsSync(join(folder, 'package.json')));
}

function main() {
  process.report.excludeNetwork = true; // the report would else look up host names
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  const verdict = diagnose({ platform: process.platform, arch: process.arch, glibc });
  if (verdict === 'no') return undefined;
  if (verdict !== 'yes') return verdict;
  const dir = findPackage();
  if (dir === undefined) return `${PACKAGE} is not installed: nothing to fit to glibc ${glibc}.`;
  const { patched, already, unknown, failed } = patchFolder(dir);
  if (failed.length > 0) return `${PACKAGE} could not be fitted to glibc ${glibc}: ${failed.join(', ')}.`;
  if (patched.length > 0)
    return `${PACKAGE}: ${patched.length} binaries fitted to glibc ${glibc}, originals kept as *.orig.`;
  if (already.length > 0) return `${PACKAGE}: binaries already fitted to glibc ${glibc}.`;
  if (unknown.length > 0)
    return `${PACKAGE}: not the binaries known here, left alone; they may need glibc 2.38 or newer.`;
  return `${PACKAGE} has none of the binaries known here: nothing to fit to glibc ${glibc}.`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const line = main();
    if (line !== undefined) console.log(line);
  } catch (error) {
    console.log(`${PACKAGE} could not be checked: ${error.message}`);
  }
}
