/**
 * Loading of the handlers folder: one module per job type, the file's name is the type's name. Any fault of any module
 * makes the whole folder unusable, and the reason names file and fault.
 */
import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { limits } from '../../domain/limits.js';
import { isJobType } from '../../domain/names.js';
import { jobTypeOf, runTypeScript, sourcesAmong } from '../shared/handlers-folder.js';
import type { DeclaredHandler } from '../shared/messages.js';
import type { Handler } from './handler.js';
import { describeThrown } from './thrown.js';

export interface LoadedHandler extends DeclaredHandler {
  readonly run: Handler;
}

export type LoadedFolder = { readonly handlers: readonly LoadedHandler[] } | { readonly reason: string };

// As it is before any handler is loaded: handlers may replace it.
const { stringify } = JSON;

/** A fault of the folder or of one module, worded for the user. */
class Unusable extends Error {}

/**
 * @param folder absolute path
 * @param importLimitMs a module whose import takes longer (a top-level await without end) is refused
 * @param onLoading called with the name of each file before its import
 * @returns the handlers by name in order, or why the folder cannot be used
 */
export async function loadHandlers(
  folder: string,
  importLimitMs: number,
  onLoading: (file: string) => void,
): Promise<LoadedFolder> {
  try {
    const files = await handlerFiles(folder);
    const handlers: LoadedHandler[] = [];
    for (const [name, file] of files) {
      onLoading(file);
      handlers.push({ name, file, ...(await loadOne(join(folder, file), importLimitMs)) });
    }
    return { handlers };
  } catch (error) {
    if (error instanceof Unusable) return { reason: error.message };
    throw error;
  }
}

/** Files by job type, in the order of the types' names. */
async function handlerFiles(folder: string): Promise<readonly (readonly [string, string])[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'ENOENT' ? 'it does not exist' : error.code === 'ENOTDIR' ? 'it is a file' : error.message;
    throw new Unusable(`cannot read the handlers folder ${folder}: ${why}`);
  });
  const byType = new Map<string, string>();
  const sources = new Set(sourcesAmong(entries));
  for (const file of entries.sort()) {
    const name = jobTypeOf(file);
    // What was compiled goes before the TypeScript beside it.
    const isSource = jobTypeOf(file, false) === undefined;
    if (name === undefined || (isSource && !sources.has(file)) || !(await isFile(join(folder, file)))) continue;
    if (!isJobType(name)) {
      throw new Unusable(
        `${join(folder, file)}: its name is not a job type; use at most ${limits.nameChars} letters, digits and _ . : -`,
      );
    }
    const other = byType.get(name);
    if (other !== undefined) throw new Unusable(`${join(folder, file)}: ${other} is already the handler of ${name}`);
    byType.set(name, file);
  }
  if (byType.size === 0) throw new Unusable(emptyReason(folder, entries));
  return [...byType].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Links to files count: mounted configuration is often made of them. */
async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: Error) => {
    throw new Unusable(`cannot read ${path}: ${error.message}`);
  });
  return found.isFile();
}

function emptyReason(folder: string, entries: readonly string[]): string {
  const [source] = sourcesAmong(entries);
  return source === undefined
    ? `no handler in ${folder}: put one module per job type there, such as payment_check.js`
    : `no handler in ${folder}, only TypeScript such as ${source}, and ${runTypeScript}`;
}

type Exported = Pick<LoadedHandler, 'options' | 'payload' | 'run'>;

async function loadOne(path: string, importLimitMs: number): Promise<Exported> {
  const found = await importModule(path, importLimitMs);
  // A CommonJS module compiled from `export default` holds its exports one level down.
  const inner = found.default;
  const exports = isRecord(inner) && (typeof inner.default === 'function' || isDefined(inner.default)) ? inner : found;
  const handler = exports.default;
  if (typeof handler === 'function') {
    const payload = schemaText(path, exports.payload);
    return { options: plainOptions(exports.options), payload, run: handler as Handler };
  }
  if (!isDefined(handler)) {
    throw new Unusable(
      `${path}: no default function; export default async (payload, ctx) => { … }, or defineHandler({ payload, options, run })`,
    );
  }
  const twice = (['options', 'payload'] as const).find((name) => handler[name] !== undefined && given(exports, name));
  if (twice !== undefined) throw new Unusable(`${path}: ${twice} is given twice, in the default export and beside it`);
  return {
    options: plainOptions(handler.options ?? exports.options),
    payload: schemaText(path, handler.payload ?? exports.payload),
    run: handler.run.bind(handler) as Handler,
  };
}

/** What `defineHandler` returns, or the same written out. */
interface Defined extends Record<string, unknown> {
  readonly run: Handler;
}

function isDefined(value: unknown): value is Defined {
  return isRecord(value) && typeof value.run === 'function';
}

/** Of a CommonJS module Node shows what the default has also beside it. */
function given(exports: Record<string, unknown>, name: string): boolean {
  return exports[name] !== undefined && exports[name] !== (exports.default as Record<string, unknown>)[name];
}

/** A payload schema as it can travel to the main thread: JSON text. What typebox keeps beside the JSON stays here. */
function schemaText(path: string, schema: unknown): string | undefined {
  if (schema === undefined) return undefined;
  if (!isRecord(schema) || Array.isArray(schema)) {
    throw new Unusable(`${path}: payload must be a schema: an object of JSON Schema, or of typebox`);
  }
  try {
    return stringify(schema);
  } catch (error) {
    throw new Unusable(`${path}: the payload schema cannot be written as JSON: ${describeThrown(error).message}`);
  }
}

/** Options as they can travel to the main thread: what is neither text nor number nor truth value travels as null, which no option may be. */
function plainOptions(options: unknown): unknown {
  if (options === undefined) return undefined;
  if (!isRecord(options) || Array.isArray(options)) return null;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, isPlain(value) ? value : null]));
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

async function importModule(path: string, importLimitMs: number): Promise<Record<string, unknown>> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const error = new Unusable(`${path}: its import did not end within ${importLimitMs / 1000} s (a top-level await?)`);
    timer = setTimeout(() => reject(error), importLimitMs);
  });
  try {
    return await Promise.race([import(pathToFileURL(path).href) as Promise<Record<string, unknown>>, tooLong]);
  } catch (error) {
    if (error instanceof Unusable) throw error;
    const { name, message } = describeThrown(error);
    if (!(error instanceof SyntaxError)) throw new Unusable(`${path}: ${name}: ${message}`);
    throw new Unusable(`${path}${lineOfFault(path)}: ${name}: ${message}${whatKind(path, message)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** What to do where Node reads a module as CommonJS, as `npm init` has it for `.js` and `.ts`. */
function whatKind(path: string, message: string): string {
  const extension = /\.([jt]s)$/.exec(path)?.[1];
  if (extension === undefined || !/^(Unexpected token 'export'|Cannot use import statement)/.test(message)) return '';
  return `. Node takes it for CommonJS: call it .m${extension}, or set "type": "module" in the nearest package.json`;
}

/** `:3` where Node can tell; V8 gives the line only to those who let Node print the error. */
function lineOfFault(path: string): string {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8', timeout: 10_000 });
  return /^[^\n]*(:\d+)\n/.exec(stderr ?? '')?.[1] ?? '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
