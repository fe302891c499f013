/** `escapement health`: asks a server how it is and gives the answer as an exit code, for containers and scripts. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { checkServerIdentity, rootCertificates } from 'node:tls';
import { isLoopback } from '../server/http/gate.js';

/** Where the server is: `url`, or else what the server itself was started with. */
export interface HealthQuestion {
  readonly url?: string;
  readonly host?: string;
  readonly port: number;
  /** The server's certificate, PEM: with it and without `url` the server is asked by https. */
  readonly tlsCert?: string;
  readonly token?: string;
  /** Asks only whether it answers at all, not whether it can do its work. */
  readonly live?: boolean;
  /** Asks only whether it takes requests. */
  readonly ready?: boolean;
}

export interface HealthAnswer {
  /** 0: well; 1: the server says that it is not, or is none; 3: no answer. */
  readonly exitCode: 0 | 1 | 3;
  /** For the user. */
  readonly line: string;
  /** The answer as it came, where it is one of a server. */
  readonly body?: unknown;
}

const timeoutMs = 2000;
/** What is read of an answer; those of the server have some hundred bytes. */
const maxBytes = 64 * 1024;

/**
 * Where a server with these settings answers on its own machine.
 *
 * @returns undefined for port 0, which may be any
 */
export function healthUrl({ url, host, port, tlsCert }: HealthQuestion): string | undefined {
  if (url !== undefined) return url;
  if (port === 0) return undefined;
  const name = host === undefined || host === 'localhost' || host === '0.0.0.0' ? '127.0.0.1' : host;
  const address = name === '::' ? '::1' : name;
  const written = address.includes(':') ? `[${address}]` : address;
  return `${tlsCert === undefined ? 'http' : 'https'}://${written}:${port}`;
}

/**
 * Asks, and waits for two seconds at most.
 *
 * @param origin what `healthUrl` said
 * @throws Error whose message is for the user, when the certificate cannot be read
 */
export async function askHealth(
  origin: string,
  { tlsCert, token, live, ready }: HealthQuestion,
): Promise<HealthAnswer> {
  const what = live ? '/live' : ready ? '/ready' : '';
  const url = new URL(`/api/v1/health${what}`, origin);
  const options: RequestOptions = {
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    ...(url.protocol === 'https:' && tlsCert !== undefined && trust(tlsCert)),
  };
  try {
    const { status, text } = await get(url, options);
    return read(status, text, origin);
  } catch (error) {
    return { exitCode: 3, line: `no answer from ${origin}: ${why(error as NodeJS.ErrnoException)}` };
  }
}

/**
 * The certificate that the server was given is trusted beside the public ones, alone or with what issued it. On the way
 * to this machine itself its name is not asked for: certificates are made out for names, not for 127.0.0.1.
 */
function trust(file: string): RequestOptions & { allowPartialTrustChain: boolean } {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read the file ${file} of --tls-cert: ${(error as NodeJS.ErrnoException).code}`);
  }
  return {
    ca: [...rootCertificates, pem],
    allowPartialTrustChain: true,
    checkServerIdentity: (name, certificate) => (isLoopback(name) ? undefined : checkServerIdentity(name, certificate)),
  };
}

function get(url: URL, options: RequestOptions): Promise<{ status: number; text: string }> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      let text = '';
      response.setEncoding('utf8').on('error', reject);
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > maxBytes)
          response.destroy(new Error('the answer is longer than any of an escapement server'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    };
    request(url, options, answered).on('error', reject).end();
  });
}

function read(status: number, text: string, origin: string): HealthAnswer {
  const body = parse(text);
  const { status: state, reason, paused } = body;
  if (typeof state !== 'string') {
    return {
      exitCode: 1,
      line: `what answers at ${origin} (status ${status}) does not say how it is: is it an escapement?`,
    };
  }
  const why = typeof reason === 'string' ? `${state}: ${reason}` : state;
  const line = paused === true ? `${why}; paused: it starts nothing until "escapement resume"` : why;
  return { exitCode: status === 200 ? 0 : 1, line, body };
}

function parse(text: string): { readonly status?: unknown; readonly reason?: unknown; readonly paused?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}

function why({ name, code, message }: NodeJS.ErrnoException): string {
  if (name === 'AbortError' || name === 'TimeoutError') return `it did not come within ${timeoutMs / 1000} s`;
  if (code === 'ECONNREFUSED') return 'nothing listens there; start the server, or name another with --url';
  return message || String(code);
}
