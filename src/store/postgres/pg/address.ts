/** The URL of a store: what it must look like, and how it is named in messages, without its password. */
import { DatabaseUnusable } from './errors.js';

const example = 'postgres://user:password@host:5432/database';

/** @throws DatabaseUnusable when PostgreSQL cannot be found by it */
export function checkAddress(url: string): void {
  const parsed = parse(url);
  const schemes = ['postgres:', 'postgresql:'];
  if (!parsed || !schemes.includes(parsed.protocol))
    throw new DatabaseUnusable(`--store must be a URL such as ${example}; "${withoutPassword(url)}" is none`);
  if (parsed.port === '0') throw new DatabaseUnusable(`--store has the port 0; it must be a URL such as ${example}`);
}

/** Host, port and database, for messages. */
export function nameOfAddress(url: string): string {
  const parsed = parse(url);
  if (!parsed) return withoutPassword(url);
  const host = parsed.searchParams.get('host') ?? decodeURIComponent(parsed.hostname || 'localhost');
  const database = decodeURIComponent(parsed.pathname.slice(1));
  return `${host}:${parsed.port || '5432'}${database === '' ? '' : `/${database}`}`;
}

/** The host of a URL, of IPv6 without brackets; of a store it may be a folder, or ''. Undefined: it is no URL. */
export function hostOf(url: string): string | undefined {
  const parsed = parse(url);
  return parsed && (parsed.searchParams.get('host') ?? parsed.hostname.replace(/^\[(.*)\]$/, '$1'));
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):.*@/, '$1:***@');
}
