/** How commands speak: results on standard output, what is wrong in one line on standard error, and the exit codes. */
import { CommanderError } from 'commander';
import { tokenForm } from '../server/http/token-file.js';

/** Exit code of a mistake in the command line or a variable. */
export const usageError = 2;
/** Exit code of whatever else goes wrong: it was refused, was not found, or did not succeed. */
export const startError = 1;
/** Exit code where no server answers. */
export const noAnswer = 3;

/** @throws CommanderError, which ends the command with `usageError`, after printing why */
export function fail(message: string): never {
  process.stderr.write(oneLine(message));
  throw new CommanderError(usageError, 'escapement.usage', message);
}

/** What `read` returns; what it throws is a mistake in the options. @throws CommanderError */
export function orFail<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return fail(explain(error));
  }
}

/** A message as one line that begins with the name of the program. */
export function oneLine(text: string): string {
  return `escapement: ${text.trim().replace(/\s*\n\s*/g, ' ')}\n`;
}

/** For programs: in one line, and for people who look at it indented. */
export function inJson(value: unknown): string {
  return JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined);
}

/** Tells a result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * For commands that print: whoever reads their output may go (`escapement events | head -1`), and that is no error. The command
 * ends then, with the exit code that it has come to.
 *
 * @returns undoes that, for a server: its log has a way of its own, and it goes on without a reader
 */
export function endWithReader(): () => void {
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  };
  process.stdout.on('error', onError);
  // Of what is wrong the exit code still tells.
  process.stderr.on('error', () => {});
  return () => process.stdout.off('error', onError);
}

/** Runs a command that comes to an end; an error is printed and sets the exit code. */
export async function orExplain(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    process.stderr.write(oneLine(explain(error)));
    process.exitCode = startError;
  }
}

/** What is printed of an error. */
export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Not the option's own check: commander would name the value in its message. @throws CommanderError */
export function checkToken(token: string): void {
  if (!tokenForm.test(token)) fail('the token must be visible ASCII characters without spaces');
}
