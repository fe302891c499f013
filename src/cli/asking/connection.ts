/** How a command asks a running server: with the client's own transport. What goes wrong is one line and an exit code. */
import { CommanderError } from 'commander';
import { EscapementError } from '../../client/errors.js';
import { Transport } from '../../client/transport.js';
import type { ServerOptions } from '../option.js';
import { checkToken, explain, inJson, noAnswer, oneLine, print, startError } from '../output.js';

/** Options by the name that the API has for the same: of a field, or of a parameter. */
export type OptionNames = Readonly<Record<string, string>>;

/**
 * Runs a command that asks a server; an error is printed and sets the exit code.
 *
 * @param names a refusal speaks of these in place of the API's fields
 */
export async function ask(
  { url, token }: ServerOptions,
  run: (server: Transport) => Promise<void>,
  names: OptionNames = {},
): Promise<void> {
  if (token !== undefined) checkToken(token);
  try {
    await run(new Transport({ url, token, retryFor: 0, fetch: (...all) => fetch(...all) }));
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    report(error, '', names);
  }
}

/** Prints what went wrong, and sets the exit code that it stands for, unless a worse one is set. */
export function report(error: unknown, about = '', names: OptionNames = {}): void {
  process.stderr.write(oneLine(about + sentence(error, names)));
  process.exitCode = Math.max(Number(process.exitCode ?? 0), isUnreachable(error) ? noAnswer : startError);
}

function isUnreachable(error: unknown): boolean {
  return error instanceof EscapementError && error.code === 'unreachable';
}

function sentence(error: unknown, names: OptionNames): string {
  if (isUnreachable(error)) return `${explain(error)} Start the server, or name another with --url.`;
  if (!(error instanceof EscapementError)) return explain(error);
  if (error.status === 401) return `${error.message} Give one with --token or as ESCAPEMENT_TOKEN.`;
  if (error.errors.length === 0) return error.message;
  const faults = error.errors.map(({ path, message }) => `${subject(path, names)} ${inCommands(message)}`).join('; ');
  return faults.replace(/[^.?]$/, '$&.');
}

/** What a fault is about: an option, where there is one, and the place within its value. */
function subject(path: string, names: OptionNames): string {
  if (path === '') return 'The request';
  const [, name = '', rest = ''] = /^(?:query\.|\/(?:filter\/)?)(\w+)(.*)$/.exec(path) ?? [];
  const option = Object.hasOwn(names, name) ? names[name] : undefined;
  if (option === undefined) return path;
  return rest === '' ? option : `${option} at ${rest}`;
}

/** Where the API names a route, the command that asks for it. */
function inCommands(message: string): string {
  return message.replace('GET /api/v1/job-types lists all', '"escapement types list" shows all');
}

/** Prints an answer of the server: as it came, or in the words of `render`. */
export function show<Body>(body: Body, json: boolean | undefined, render: (body: Body) => string): void {
  print(json ? inJson(body) : render(body));
}
