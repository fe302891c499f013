/** The options of the type `http`. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { HttpTypeConfig } from '../config.js';
import { anyTarget, checkSecret, originOf, readVariable, rulesOf } from '../http-type/settings.js';
import { option } from './option.js';
import { many } from './option-values.js';
import { fail, orFail } from './output.js';

/** As commander hands them over. */
export interface HttpTypeOptions {
  readonly httpTarget: readonly string[];
  readonly httpSecret: readonly string[];
  readonly httpSecretFile?: string;
  readonly httpEnv: readonly string[];
}

export function withHttpType(command: Command): Command {
  return command
    .addOption(
      option(
        '--http-target <origin>',
        'an origin that jobs of the type http may call, or * for all that are public (repeatable, or with commas); see docs/http.md',
      )
        .default([], 'none, and there is no such type')
        .argParser(many(target)),
    )
    .addOption(
      option(
        '--http-secret <secret>',
        'whsec_… to sign their requests with, as Standard Webhooks has it (repeatable: two while one is replaced); better set as variable',
      )
        .default([], 'none')
        .argParser(many(String)),
    )
    .addOption(option('--http-secret-file <file>', 'further such secrets, one a line; SIGHUP reads it anew'))
    .addOption(
      option(
        '--http-env <name=origin>',
        'an environment variable that headers of requests to this origin may use (repeatable, or with commas)',
      )
        .default([], 'none')
        .argParser(many(String)),
    );
}

function target(text: string): string {
  const origin = text === anyTarget ? text : originOf(text);
  if (origin !== undefined) return origin;
  throw new InvalidArgumentError('It must be an origin such as https://api.example.com, or *.');
}

/**
 * The settings of the type; undefined where no target is given.
 *
 * @throws CommanderError that names neither a secret nor a value
 */
export function readHttpType(options: HttpTypeOptions): HttpTypeConfig | undefined {
  const { httpTarget: targets, httpSecret: secrets, httpSecretFile: secretFile, httpEnv } = options;
  if (targets.length === 0) {
    if (secrets.length > 0 || secretFile !== undefined || httpEnv.length > 0)
      fail('--http-secret, --http-secret-file and --http-env need --http-target: without one there is no type http');
    return undefined;
  }
  return orFail(() => {
    for (const secret of secrets) checkSecret(secret, 'what --http-secret is given');
    const variables = httpEnv.map((text) => readVariable(text, targets, process.env));
    const settings = {
      targets: [...new Set(targets)],
      secrets,
      secretFile: secretFile === undefined ? undefined : resolve(secretFile),
      variables,
    };
    // What is wrong with the file shows here, and not when the pool is made.
    rulesOf(settings);
    return settings;
  });
}
