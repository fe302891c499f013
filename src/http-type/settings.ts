/** The options of the type `http`: what they may say, and the rules that they make. */
import { readFileSync } from 'node:fs';
import type { HttpTypeConfig } from '../config.js';
import type { HeaderVariable, HttpRules } from './rules.js';

/** All public origins, as an option says it. */
export const anyTarget = '*';

const secretPrefix = 'whsec_';
/** What the specification allows a secret to have, in bytes. */
const secretBytes = { least: 24, most: 64 };
/** Two, while one is to take the place of the other. */
const mostSecrets = 2;
const valueChars = 4096;

const howToMake = `a secret is whsec_ and ${secretBytes.least} to ${secretBytes.most} bytes as base64: echo "whsec_$(openssl rand -base64 32)" makes one`;

/** @throws Error for the user, which names no secret */
export function rulesOf({ targets, secrets, secretFile, variables }: HttpTypeConfig): HttpRules {
  const all = [...secrets, ...(secretFile === undefined ? [] : readSecretFile(secretFile))];
  if (all.length > mostSecrets)
    throw new Error(
      `--http-secret and --http-secret-file have ${all.length} secrets; there may be ${mostSecrets}, the new one and the one that it takes the place of`,
    );
  return {
    origins: targets.filter((target) => target !== anyTarget),
    anyPublic: targets.includes(anyTarget),
    variables,
    keys: all.map((secret) => secret.slice(secretPrefix.length)),
  };
}

/** An origin of `--http-target` or `--http-env`, as `URL` writes it; undefined for what is none. */
export function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return undefined;
  return /^https?:\/\/[^/?#@\s]+\/?$/i.test(text) ? url.origin : undefined;
}

/** @throws Error for the user, which does not name it */
export function checkSecret(secret: string, where: string): void {
  const base64 = secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : '';
  const key = Buffer.from(base64, 'base64');
  const isWhole = key.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  if (!isWhole || key.length < secretBytes.least || key.length > secretBytes.most)
    throw new Error(`${where} is no secret of webhooks: ${howToMake}`);
}

function readSecretFile(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the file ${path} of --http-secret-file: ${(error as NodeJS.ErrnoException).code}`);
  }
  const lines = text.split('\n').map((line) => line.trim());
  for (const [index, line] of lines.entries())
    if (line !== '') checkSecret(line, `line ${index + 1} of the file ${path} of --http-secret-file`);
  const secrets = lines.filter((line) => line !== '');
  if (secrets.length === 0)
    throw new Error(`the file ${path} of --http-secret-file has no secret in it: write one a line; ${howToMake}`);
  return secrets;
}

/**
 * What `NAME=ORIGIN` says.
 *
 * @throws Error for the user, which names no value
 */
export function readVariable(text: string, targets: readonly string[], environment: NodeJS.ProcessEnv): HeaderVariable {
  const [, name = '', target = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? [];
  const origin = originOf(target);
  if (origin === undefined)
    throw new Error('--http-env must be the name of a variable and an origin: API_KEY=https://api.example.com');
  if (!targets.includes(origin) && !targets.includes(anyTarget))
    throw new Error(`--http-env ${name} is for ${origin}, which may not be called: add --http-target ${origin}`);
  const value = environment[name] ?? '';
  if (value === '') throw new Error(`the variable ${name} of --http-env is not set, or empty`);
  if (value.length > valueChars || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    throw new Error(
      `the variable ${name} of --http-env must be at most ${valueChars} visible ASCII characters, without spaces or a line break at its ends`,
    );
  return { name, origin, value };
}
