/** `escapement backup`: asks a running server for a backup and waits for it, however long it takes. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface BackupOptions {
  /** Where the server answers, `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly token: string | undefined;
}

interface BackupAnswer {
  readonly directory: string;
  readonly bytes: number;
  readonly position: number;
  readonly duration_ms: number;
}

/**
 * @param directory an absolute path on the server's machine
 * @returns a line about the backup
 * @throws Error whose message is for the user
 */
export async function backUp(directory: string, { url, token }: BackupOptions): Promise<string> {
  const { status, text } = await post(new URL('/api/v1/backup', url), JSON.stringify({ directory }), token);
  const answer = parse(text);
  if (status !== 200) {
    const detail =
      typeof answer?.detail === 'string' ? answer.detail : `the server at ${url} answered with status ${status}`;
    throw new Error(`no backup was made: ${detail}`);
  }
  const { bytes, position, duration_ms } = answer as unknown as BackupAnswer;
  return `backup in ${directory}: ${size(bytes)}, up to log record ${position}, in ${duration_ms} ms`;
}

function post(url: URL, body: string, token: string | undefined): Promise<{ status: number; text: string }> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => reject(explain(error, url)));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', (error) => reject(explain(error, url)));
    sent.end(body);
  });
}

function explain(error: NodeJS.ErrnoException, { origin }: URL): Error {
  if (error.code === 'ECONNREFUSED')
    return new Error(`no server answers at ${origin}: start it, or name another with --url`);
  if (error.code === 'ECONNRESET')
    return new Error(
      `the server at ${origin} ended the connection: run "escapement check" on the directory to see whether there is a backup`,
    );
  return new Error(`the server at ${origin} cannot be reached: ${error.message || error.code}`);
}

function size(bytes: number): string {
  return bytes < 10 * 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
