/** Options that several commands have. */
import { type Command, Option } from 'commander';
import { serverUrl } from './option-values.js';

/** An option that can also be set as `ESCAPEMENT_<NAME>`. */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`ESCAPEMENT_${made.name().replaceAll('-', '_').toUpperCase()}`);
}

/** Where a command finds the server. */
export interface ServerOptions {
  /** Without a path: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly token?: string;
}

export interface AskingOptions extends ServerOptions {
  /** The body of the answer is to be printed as it is. */
  readonly json?: true;
}

/** Of a command that asks a running server. */
export function withServer(command: Command): Command {
  return command
    .addOption(option('--url <url>', 'URL of the server').default('http://127.0.0.1:8080').argParser(serverUrl))
    .addOption(option('--token <secret>', 'a token of the server, if it has any; better set as variable'));
}

/** Of one that prints an answer of the server, for people or for programs. */
export function asking(command: Command): Command {
  return withServer(command).option('--json', 'print the answer as JSON, unchanged');
}

/** What the help of a command ends with. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((line) => `  ${line}\n`).join('')}`,
  );
}
