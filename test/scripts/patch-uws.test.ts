/** The install step that fits the uWebSockets.js binaries to an older glibc, on copies of the installed files. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

type Outcome = Record<'patched' | 'already' | 'unknown' | 'failed', string[]>;
interface PatchUws {
  KNOWN: Record<string, string>;
  patchElf(source: Uint8Array, arch: 'x64' | 'arm64'): Buffer;
  patchFolder(dir: string): Outcome;
  diagnose(machine: { platform: string; arch: string; glibc: string | undefined }): string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const script = pathToFileURL(join(root, 'scripts/patch-uws.mjs')).href;
const { KNOWN, patchElf, patchFolder, diagnose } = (await import(script)) as PatchUws;

const installed = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'));
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const X64 = 'uws_linux_x64_115.node';
const ARM64 = 'uws_linux_arm64_127.node';

/** The file as published, whether or not this machine's install had to patch it. */
function published(name: string): Buffer {
  const file = join(installed, name);
  return readFileSync(existsSync(`${file}.orig`) ? `${file}.orig` : file);
}

/** How many bytes differ. */
function differences(a: Buffer, b: Buffer): number {
  return a.reduce((count, byte, i) => count + (byte === b[i] ? 0 : 1), 0);
}

t.test('every known file is in the installed package', async (t) => {
  for (const [name, hash] of Object.entries(KNOWN)) t.equal(sha256(published(name)), hash, name);
});

t.test('patchElf changes three symbols and a flag, and nothing else', async (t) => {
  const original = published(X64);
  const before = sha256(original);
  const patched = patchElf(original, 'x64');
  t.equal(patched.length, original.length);
  t.equal(sha256(original), before, 'the source is not written to');
  t.equal(differences(original, patched), 3 + 3 + 1, 'low bytes of three names and three versions, one flag');
  t.equal(differences(published(ARM64), patchElf(published(ARM64), 'arm64')), 2 + 2 + 1);
});

t.test('patchElf refuses what it does not understand', async (t) => {
  t.throws(() => patchElf(Buffer.from('#!/bin/sh\n'.repeat(10)), 'x64'), /not the ELF file expected/);
  t.throws(() => patchElf(published(ARM64), 'x64'), /no GLIBC_2.38 beside GLIBC_2.2.5/);
  t.throws(() => patchElf(patchElf(published(X64), 'x64').subarray(0, 4096), 'x64'));
});

t.test('patchFolder keeps the originals and runs twice without harm', async (t) => {
  const dir = t.testdir({ [X64]: published(X64), [ARM64]: published(ARM64) });
  t.match(patchFolder(dir), { patched: [X64, ARM64], already: [], unknown: [], failed: [] });
  t.equal(sha256(readFileSync(join(dir, `${X64}.orig`))), KNOWN[X64]);
  t.equal(sha256(readFileSync(join(dir, `${ARM64}.orig`))), KNOWN[ARM64]);
  const once = readFileSync(join(dir, X64));
  t.ok(once.equals(patchElf(published(X64), 'x64')));

  t.match(patchFolder(dir), { patched: [], already: [X64, ARM64], unknown: [], failed: [] });
  t.ok(readFileSync(join(dir, X64)).equals(once));
});

t.test('a stop between keeping the original and replacing the file is made good by the next run', async (t) => {
  const dir = t.testdir({ [X64]: published(X64), [`${X64}.orig`]: 'half' });
  t.match(patchFolder(dir), { patched: [X64] });
  t.equal(sha256(readFileSync(join(dir, `${X64}.orig`))), KNOWN[X64]);
});

t.test('a file with another hash is left alone', async (t) => {
  const other = Buffer.from(published(X64));
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  const dir = t.testdir({ [X64]: other });
  t.match(patchFolder(dir), { patched: [], already: [], unknown: [X64], failed: [] });
  t.ok(readFileSync(join(dir, X64)).equals(other));
  t.notOk(existsSync(join(dir, `${X64}.orig`)));

  writeFileSync(join(dir, `${X64}.orig`), published(X64));
  t.match(patchFolder(dir), { unknown: [X64] }, 'also beside an original that is known');
  t.ok(readFileSync(join(dir, X64)).equals(other));
});

t.test('diagnose tells where the patch is needed', async (t) => {
  const linux = { platform: 'linux', arch: 'x64' };
  t.equal(diagnose({ ...linux, glibc: '2.36' }), 'yes');
  t.equal(diagnose({ ...linux, arch: 'arm64', glibc: '2.31' }), 'yes');
  t.equal(diagnose({ ...linux, glibc: '2.38' }), 'no');
  t.equal(diagnose({ ...linux, glibc: '2.41' }), 'no');
  t.equal(diagnose({ ...linux, glibc: '3.0' }), 'no');
  t.equal(diagnose({ platform: 'darwin', arch: 'arm64', glibc: undefined }), 'no');
  t.match(diagnose({ ...linux, glibc: undefined }), /glibc-based/);
  t.match(diagnose({ ...linux, arch: 'riscv64', glibc: '2.36' }), /no build for linux on riscv64/);
});
