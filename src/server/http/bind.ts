/** Where the server listens. By default on both loopback addresses, since `localhost` may mean either. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Logger } from '../../log.js';
import { isLoopback } from './gate.js';

/** What can be bound; `HttpApp` is one. */
export interface Listening {
  /** @returns the port, or undefined when the address cannot be had */
  listen(host: string, port: number): Promise<number | undefined>;
  unlisten(): void;
}

export interface Bound {
  readonly port: number;
  /** Addresses, the first one for whoever wants just one. */
  readonly hosts: readonly string[];
}

/** Of what is bound, in the same order. @param tls it is served by HTTPS */
export function urlsOf({ port, hosts }: Bound, tls: boolean): string[] {
  return hosts.map((host) => `${tls ? 'https' : 'http'}://${written(host, port)}`);
}

const both = ['127.0.0.1', '::1'] as const;
/** A free port on one loopback address may be taken on the other. */
const attempts = 20;

/** True when only this machine can reach what listens there; undefined is the default. */
export function isPrivate(host: string | undefined): boolean {
  return host === undefined || isLoopback(host);
}

/**
 * @param guarded the server has tokens
 * @throws Error that tells the user what to do, when others could get in without one
 */
export function checkExposure(host: string | undefined, guarded: boolean): void {
  if (isPrivate(host) || guarded) return;
  throw new Error(
    `listening on ${host} needs a token, since others than this machine can reach it: pass --token or --token-file, or set ESCAPEMENT_TOKEN`,
  );
}

/**
 * Listens.
 *
 * @param host undefined or `localhost`: both loopback addresses
 * @param port 0 takes a free one, the same on both
 * @throws Error that tells the user what to do
 */
export async function bind(app: Listening, host: string | undefined, port: number, log: Logger): Promise<Bound> {
  if (host !== undefined && host !== 'localhost') {
    const bound = await app.listen(host, port);
    if (bound === undefined) throw await explain(host, port);
    return { port: bound, hosts: [host] };
  }
  const [v4, v6] = both;
  for (let attempt = 1; ; attempt += 1) {
    const bound = await app.listen(v4, port);
    if (bound === undefined) throw await explain(v4, port);
    if (!hasAddress(v6)) {
      log.warn('this machine has no ::1, so the server listens on 127.0.0.1 only');
      return { port: bound, hosts: [v4] };
    }
    if ((await app.listen(v6, bound)) !== undefined) return { port: bound, hosts: both };
    app.unlisten();
    if (port !== 0 || attempt === attempts) throw await explain(v6, bound);
  }
}

function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((each) => each.address === address));
}

/**
 * Whether `bind` would work now: so that a start which cannot listen ends before it touches any data. Listens for a moment
 * and accepts nobody.
 *
 * @param host as for `bind`
 * @returns what `bind` would throw
 */
export async function whyNoBind(host: string | undefined, port: number): Promise<Error | undefined> {
  const places = host === undefined || host === 'localhost' ? both.filter(hasAddress) : [host];
  for (const place of places) {
    const fault = await probe(place, port);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An adapter only says that it did not work; a socket that is tried knows why. */
async function explain(host: string, port: number): Promise<Error> {
  const again = `cannot listen on ${written(host, port)}: try again, or choose another --host or --port`;
  return (await probe(host, port)) ?? new Error(again);
}

function probe(host: string, port: number): Promise<Error | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((done) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      done(new Error(`cannot listen on ${written(host, port)}: ${reason(error.code)}`)),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)));
  });
}

function written(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function reason(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another process has this port; choose another with --port, or stop that process';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address; choose another with --host';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'this host name is not known; choose another with --host';
    case 'EACCES':
      return 'this port needs more rights than this process has; choose one above 1023 with --port';
    default:
      return `the system says ${code ?? 'nothing about it'}; choose another --host or --port`;
  }
}
