/** One text for all ways of writing the same JSON value, so that a repeated request can be told from another one. */
import { hash } from 'node:crypto';
import { configure } from 'safe-stable-stringify';

/** Keys in order of their code units. What a digest was made of lies on disk: this text must stay the same for ever. */
const stringify = configure({ deterministic: true, circularValue: Error, bigint: false });

/** JSON text of a parsed value with the keys of its objects sorted. */
export function canonicalJson(value: unknown): string {
  return stringify(value) as string;
}

/** SHA-256 of the canonical text, base64url. */
export function digestOf(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'base64url');
}
