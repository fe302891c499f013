/** HTTP as a client without manners speaks it: nothing is normalised, any path, header and body can be sent, and answers are taken as they come. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { answerFault } from './declared.js';

export type Status = 'pending' | 'running' | 'success' | 'failed' | 'cancelled';

/** A job as answers show it. */
export interface Job {
  id: string;
  name: string;
  status: Status;
  trigger_at: string;
  next_run_in?: string;
  cron_expr?: string;
  timezone?: string;
  is_repeat: boolean;
  payload?: Record<string, unknown>;
  max_retries: number;
  retry_delay: string;
  backoff: 'exponential' | 'fixed';
  timeout: string;
  misfire?: 'run_once' | 'skip';
  retry_count: number;
  skipped_count?: number;
  missed_count?: number;
  created_at: string;
  updated_at: string;
  started_at?: string;
  finished_at?: string;
  last_error?: { name: string; message: string; code: string; at: string };
  result?: unknown;
  progress?: unknown;
  result_omitted?: string;
}

export interface JobList {
  total: number;
  items: Job[];
  next_cursor?: string;
}

export interface Stats {
  pending: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
  heap_size: number;
  uptime: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { path: string; message: string }[];
}

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: IncomingHttpHeaders;
  /** Undefined where the text is not JSON. */
  body: Body;
  text: string;
}

export interface RequestOptions {
  /** A string or bytes go as they are, anything else as JSON. */
  body?: unknown;
  /** `content-type: application/json` goes with a body unless it is given here; `undefined` leaves it out. */
  headers?: Record<string, string | string[] | undefined>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
t.teardown(() => agent.destroy());

const base = '/api/v1';

export class Client {
  /** @param server its port is read at every call, so that it may restart. @param headers sent with every request. */
  constructor(
    private readonly server: { readonly port: number },
    private readonly headers: Record<string, string> = {},
    private readonly host = '127.0.0.1',
  ) {}

  /** @param path behind `/api/v1`, sent as it is; `absolute` takes one that is not there. */
  request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Answer<Body>> {
    return this.absolute(method, base + path, options);
  }

  absolute<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { body, headers = {} }: RequestOptions = {},
  ): Promise<Answer<Body>> {
    const bytes =
      body === undefined
        ? undefined
        : typeof body === 'string' || body instanceof Uint8Array
          ? Buffer.from(body as string)
          : Buffer.from(JSON.stringify(body));
    const all: Record<string, string | string[] | undefined> = { ...this.headers, ...headers };
    if (bytes !== undefined && !('content-type' in all)) all['content-type'] = 'application/json';
    if (bytes !== undefined && !('transfer-encoding' in all)) all['content-length'] = String(bytes.length);
    for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
    return new Promise((done, failed) => {
      const request = httpRequest({
        host: this.host,
        port: this.server.port,
        method,
        path,
        agent,
        headers: all as Record<string, string | string[]>,
      });
      request.on('error', failed);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', failed);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode!;
          const body = json(text);
          const fault = method === 'HEAD' || status === 204 ? undefined : answerFault(method, path, status, body);
          if (fault === undefined) done({ status, headers: response.headers, body: body as Body, text });
          else failed(new Error(`${method} ${path.slice(0, 200)}: ${status} is not as declared: ${fault}`));
        });
      });
      request.end(bytes);
    });
  }

  get<Body = Record<string, unknown>>(path: string, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    return this.request<Body>('GET', path, { headers });
  }

  post<Body = Job>(path: string, body?: unknown, headers: RequestOptions['headers'] = {}): Promise<Answer<Body>> {
    return this.request<Body>('POST', path, { body, headers });
  }

  put<Body = Job>(path: string, body?: unknown, headers: RequestOptions['headers'] = {}): Promise<Answer<Body>> {
    return this.request<Body>('PUT', path, { body, headers });
  }

  delete<Body = Job>(path: string): Promise<Answer<Body>> {
    return this.request<Body>('DELETE', path);
  }

  /** Makes a job; anything but 201 is an error. */
  async create(body: Record<string, unknown>): Promise<Job> {
    return expect(await this.post('/jobs', body), 201);
  }

  async job(id: string): Promise<Job> {
    return expect(await this.get<Job>(`/jobs/${id}`), 200);
  }

  async list(query = ''): Promise<JobList> {
    return expect(await this.get<JobList>(`/jobs${query}`), 200);
  }

  async stats(): Promise<Stats> {
    return expect(await this.get<Stats>('/stats'), 200);
  }

  /** Asks for the job until it has that status, or fulfils the condition. */
  async until(id: string, wanted: Status | ((job: Job) => boolean), deadlineMs = 10_000): Promise<Job> {
    let job = await this.job(id);
    await eventually(
      async () => {
        job = await this.job(id);
        return typeof wanted === 'string' ? job.status === wanted : wanted(job);
      },
      () => `job did not become ${typeof wanted === 'string' ? wanted : 'as wanted'}: ${JSON.stringify(job)}`,
      deadlineMs,
    );
    return job;
  }
}

/** Asks again and again until the condition holds: for what no event tells. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  deadlineMs = 10_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(typeof what === 'string' ? what : what());
    await sleep(15);
  }
}

function expect<Body>(answer: Answer<Body>, status: number): Body {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer.body;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface RawAnswer {
  text: string;
  /** The status codes of all answers on the connection, in order. */
  statuses: number[];
  /** Whether the server ended the connection within the time given. */
  closed: boolean;
}

/**
 * Writes bytes to a socket, one write for each element, and reads until the server closes, `enough` says so, or the time is up. The server may
 * close before all is written: that is an answer too.
 */
export function raw(
  server: { readonly port: number },
  parts: string | Buffer | (string | Buffer)[],
  {
    ms = 3000,
    enough = () => false,
    host = '127.0.0.1',
  }: { ms?: number; enough?: (text: string) => boolean; host?: string } = {},
): Promise<RawAnswer> {
  return new Promise((done) => {
    const socket = connectSocket({ port: server.port, host, noDelay: true });
    let text = '';
    let closed = false;
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      done({ text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((found) => Number(found[1])), closed });
    };
    const timer = setTimeout(finish, ms);
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (enough(text)) finish();
    });
    socket.on('close', () => {
      closed = true;
      finish();
    });
    socket.on('connect', () => void write());
    async function write() {
      for (const part of Array.isArray(parts) ? parts : [parts]) {
        if (socket.destroyed || !socket.writable) return;
        await new Promise((written) => socket.write(part, written));
      }
    }
  });
}

/** The printed request, as bytes. */
export function rawRequest(method: string, path: string, headers: Record<string, string> = {}, body = ''): string {
  const lines = Object.entries({ Host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
