/**
 * The data directory before anything opens it: made with a marker, locked for one process, refused when it is of a newer
 * schema or visibly damaged. LMDB itself would open an empty file as an empty store and die on a truncated one.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { isIdKey } from '../../domain/id.js';
import { type DirectoryFacts, schemaVersion } from '../format/layout.js';
import { dataFile, lockFile } from '../kv/kv-lmdb.js';
import { damageReason, isDamage } from '../kv/lmdb-damage.js';
import { faultOfDataFile } from '../kv/lmdb-pages.js';
import { journalFile, makeJournal } from '../log/journal-file.js';
import { identify } from './directory-watch.js';
import { foreignFile } from './foreign-file.js';
import { reasonOf } from './system-reason.js';
import { isOutdated, upgrade } from './upgrade.js';

export const markerFile = 'escapement.json';
export const ownerFile = 'owner.json';

/** The directory cannot be used; the message says why and what to do. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
}

/** What is said of an error met while the store was opened: of damage, which file it is in and what to do. */
export function damagedDirectory(error: unknown, path: string): unknown {
  // By its name: an error that comes from another thread has lost its class.
  if (error instanceof Error && error.name === 'NewerRecord') return new DirectoryError(`${path}: ${error.message}`);
  if (!isDamage(error)) return error;
  const reason = damageReason(error);
  return damaged(join(path, reason.includes('journal') ? journalFile : dataFile), reason);
}

function damaged(file: string, why: string): DirectoryError {
  return new DirectoryError(`${file} is damaged (${why}): restore it from a backup, or use another directory`);
}

export interface DirectoryLock {
  readonly path: string;
  readonly facts: DirectoryFacts;
  /** Which directory was claimed, as `identify` says it. */
  readonly identity: string;
  /** The last start on this directory ended before it was `opened`. */
  readonly lastStartFailed: boolean;
  /** Brings a directory of an older version up to date; returns the version it had, or undefined when there was nothing to do. */
  upgrade(): number | undefined;
  /**
   * Notes that a start begins to read the data, for the next one to know should this one end there. What a first start left
   * half made is removed.
   */
  opening(): void;
  /** Notes that jobs may come from now on: what is there is never again taken for nothing. */
  used(): void;
  /** Notes that it is through, or has failed and said why. */
  opened(): void;
  release(): void;
}

/** What is noted of who uses the directory. */
interface Owner {
  readonly pid: number;
  readonly since: string;
  readonly opening?: boolean;
}

/** Claims the directory for this process, making it when it is not there. @throws DirectoryError */
export async function claimDirectory(directory: string): Promise<DirectoryLock> {
  const path = resolve(directory);
  try {
    makeFolders(path);
  } catch (error) {
    throw new DirectoryError(
      `the data directory ${path} cannot be made: ${reasonOf(error)}: name another with --data-dir`,
    );
  }
  const server = await lock(path);
  try {
    let facts = readFacts(path) ?? begin(path);
    checkAccess(path);
    if (!facts.unused) checkDataFile(path);
    const lastStartFailed = readOwner(path)?.opening ?? false;
    const since = new Date().toISOString();
    const note = (opening: boolean): void => {
      const owner: Owner = { pid: process.pid, since, ...(opening && { opening }) };
      writeFile(join(path, ownerFile), JSON.stringify(owner));
    };
    note(lastStartFailed);
    const identity = await identify(path);
    return {
      path,
      get facts() {
        return facts;
      },
      identity,
      lastStartFailed,
      upgrade: () => {
        const { schema } = facts;
        if (!isOutdated(facts)) return undefined;
        facts = usable(path, () => writeFacts(path, upgrade(path, facts)));
        return schema;
      },
      opening: () => {
        if (facts.unused) usable(path, () => beginAnew(path));
        note(true);
      },
      used: () => {
        if (facts.unused) facts = writeFacts(path, { ...facts, unused: false });
      },
      opened: () => {
        try {
          note(false);
        } catch {
          // Without room on the disk the old note stays: the next start has a trial that it does not need.
        }
      },
      release: () => void server.close(),
    };
  } catch (error) {
    server.close();
    throw unusable(error, path);
  }
}

/** @throws DirectoryError when another process has claimed the directory; nothing is touched or made */
export async function refuseInUse(directory: string): Promise<void> {
  const path = resolve(directory);
  if (!existsSync(path)) return;
  const server = await lock(path);
  await new Promise((closed) => server.close(closed));
}

/** Runs `work`. @throws what the user is to read when the system refuses it */
function usable<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unusable(error, path);
  }
}

/** What the user is told when the system does not let the directory be used. */
function unusable(error: unknown, path: string): unknown {
  if (error instanceof DirectoryError || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new DirectoryError(
    `the data directory ${path} cannot be used: ${reasonOf(error)}: make it writable for ${user()}, or name another with --data-dir`,
  );
}

/** LMDB would say no more than that it may not open its file: one restored by another user, say. */
function checkAccess(path: string): void {
  for (const file of [dataFile, lockFile, journalFile]
    .map((name) => join(path, name))
    .filter((each) => existsSync(each))) {
    try {
      accessSync(file, constants.R_OK | constants.W_OK);
    } catch (error) {
      throw new DirectoryError(
        `${file} cannot be opened for writing: ${reasonOf(error)}: make it writable for ${user()}`,
      );
    }
  }
}

function user(): string {
  return process.getuid === undefined ? 'this user' : `user ${process.getuid()}`;
}

/** The first start on a directory. */
function begin(path: string): DirectoryFacts {
  const foreign = foreignFile(path, [
    `${markerFile}.new`,
    ownerFile,
    `${ownerFile}.new`,
    lockFile,
    journalFile,
    `${journalFile}.new`,
  ]);
  if (foreign !== undefined) {
    throw new DirectoryError(
      `the data directory ${path} has ${foreign} in it, so it is not one of escapement's: name a new or an empty folder with --data-dir`,
    );
  }
  return writeFacts(path, newFacts());
}

/**
 * Makes a folder and those above it that are missing, for nobody else to read: payloads may be nobody else's business. Node's
 * own `recursive` never ends where the system says that there is no such place although the folder above is there (/proc).
 */
function makeFolders(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeFolders(above);
    makeFolders(path);
  }
}

/**
 * A listening socket that the kernel takes back with the process. On Linux its name is abstract (no file to go stale) and
 * made of the directory's device and inode, so that another path to the same directory meets the same lock.
 */
async function lock(path: string): Promise<Server> {
  const { dev, ino } = statSync(path);
  const name = process.platform === 'linux' ? `\0escapement-${dev}-${ino}` : `/tmp/escapement-${dev}-${ino}.sock`;
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      failed(
        error.code === 'EADDRINUSE'
          ? new DirectoryError(`the data directory ${path} is in use by ${owner(path)}`)
          : error,
      );
    });
    server.listen(name, done);
  });
  server.unref();
  return server;
}

function owner(path: string): string {
  const known = readOwner(path);
  const which = known ? ` (process ${known.pid}, started ${known.since})` : '';
  return `another escapement${which}: stop it first, or use another directory`;
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(path, ownerFile), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** What the marker says; undefined where nothing was ever stored. @throws DirectoryError */
export function readFacts(path: string): DirectoryFacts | undefined {
  const marker = join(path, markerFile);
  if (!existsSync(marker)) {
    if (!existsSync(join(path, dataFile))) return undefined;
    throw new DirectoryError(
      `${marker} is missing beside ${dataFile}: restore it from a backup, or use another directory`,
    );
  }
  let facts: DirectoryFacts;
  try {
    facts = JSON.parse(readFileSync(marker, 'utf8')) as DirectoryFacts;
    if (!Number.isInteger(facts.schema) || typeof facts.identity !== 'string') throw new Error('it has other fields');
    // A newer one is refused by its number, whatever else it has.
    const isOurs = facts.schema <= schemaVersion;
    if (isOurs && facts.idKey !== undefined && !isIdKey(facts.idKey)) throw new Error('its key of ids is damaged');
    if (facts.schema === 2 && facts.idKey === undefined) throw new Error('its key of ids is missing');
  } catch (error) {
    throw new DirectoryError(`${marker} cannot be read (${(error as Error).message}): restore it from a backup`);
  }
  if (facts.schema > schemaVersion) {
    throw new DirectoryError(
      `${path} was written by a newer escapement (schema ${facts.schema}, this one knows ${schemaVersion}): use that version`,
    );
  }
  for (const name of [dataFile, ...(facts.schema < 3 || facts.backup ? [] : [journalFile])]) {
    if (facts.unused || existsSync(join(path, name))) continue;
    throw new DirectoryError(
      `${join(path, name)} is gone although the directory was in use: restore it from a backup, or use another directory`,
    );
  }
  return facts;
}

function newFacts(): DirectoryFacts {
  const idKey = randomBytes(12).toString('hex');
  return { schema: schemaVersion, identity: randomUUID(), idKey, createdAt: Date.now(), unused: true };
}

function writeFacts(path: string, facts: DirectoryFacts): DirectoryFacts {
  writeFile(join(path, markerFile), `${JSON.stringify(facts, undefined, 2)}\n`);
  return facts;
}

/** Notes that the jobs of a directory that this process has claimed are elsewhere: no server starts on it from now on. */
export function noteMoved(path: string, facts: DirectoryFacts, to: string): void {
  usable(path, () => writeFacts(path, { ...facts, moved: { at: new Date().toISOString(), to } }));
}

/** Whole or not at all: written beside and renamed. */
function writeFile(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w');
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

function checkDataFile(path: string): void {
  const name = join(path, dataFile);
  const fault = existsSync(name) ? faultOfDataFile(name) : undefined;
  if (fault !== undefined) throw damaged(name, fault);
}

/** A first start that ended early may leave a data file that is none. Nothing was acknowledged that a journal could have. */
function beginAnew(path: string): void {
  rmSync(join(path, journalFile), { force: true });
  makeJournal(path);
  try {
    checkDataFile(path);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    for (const name of [dataFile, lockFile]) rmSync(join(path, name), { force: true });
  }
}
