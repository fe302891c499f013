/** How a command asks a running server: with the client's own transport. What goes wrong is one line and an exit code. */
import { CommanderError } from 'commander';
import { EscapementError } from '../../client/errors.js';
import { Transport } from '../../client/transport.js';
import type { ServerOptions } from '../option.js';
import { checkToken, explain, noAnswer, oneLine, print, startError } from '../output.js';

/** Runs a command that asks a server; an error is printed and sets the exit code. */
export async function ask({ url, token }: ServerOptions, run: (server: Transport) => Promise<void>): Promise<void> {
  if (token !== undefined) checkToken(token);
  try {
    await run(new Transport({ url, token, retryFor: 0, fetch: (...all) => fetch(...all) }));
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    report(error);
  }
}

/** Prints what went wrong, and sets the exit code that it stands for, unless a worse one is set. */
export function report(error: unknown, about = ''): void {
  process.stderr.write(oneLine(about + sentence(error)));
  process.exitCode = Math.max(Number(process.exitCode ?? 0), isUnreachable(error) ? noAnswer : startError);
}

function isUnreachable(error: unknown): boolean {
  return error instanceof EscapementError && error.code === 'unreachable';
}

function sentence(error: unknown): string {
  if (isUnreachable(error)) return `${explain(error)} Start the server, or name another with --url.`;
  if (!(error instanceof EscapementError)) return explain(error);
  if (error.status === 401) return `${error.message} Give one with --token or as ESCAPEMENT_TOKEN.`;
  const faults = error.errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  return faults === '' || error.message.includes(faults) ? error.message : `${error.message}: ${faults}`;
}

/** Prints an answer of the server: as it came, or in the words of `render`. */
export function show<Body>(body: Body, json: boolean | undefined, render: (body: Body) => string): void {
  print(json ? JSON.stringify(body, null, process.stdout.isTTY ? 2 : undefined) : render(body));
}
