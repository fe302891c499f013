/**
 * What the tests of bad input stand on: a real server with one job in it, the witness, and the question that each of them
 * asks at its end: is the server as it was before, and its directory whole?
 */
import type { Test } from 'tap';
import { type Answer, Client, type Job, type RawAnswer } from '../support/client.js';
import { runCli, type Server, type ServerOptions, startServer } from '../support/server.js';

/** A body that is as it should be. */
export const good = { name: 'noop', delay: '1h' };

/** The three places that take a body, and how one job, or one change, is sent there. */
export const bodyRoutes = ['POST /jobs', 'PUT /jobs/:id', 'POST /jobs/batch'] as const;
export type BodyRoute = (typeof bodyRoutes)[number];

export class Ground {
  readonly api: Client;
  /** Jobs that were made on purpose; the test counts those that it makes itself. */
  made = 1;

  private constructor(
    readonly server: Server,
    readonly headers: Record<string, string>,
    readonly witness: Job,
  ) {
    this.api = new Client(server, headers);
  }

  static async open(options: ServerOptions = {}, headers: Record<string, string> = {}): Promise<Ground> {
    const server = await startServer(options);
    const { id } = await new Client(server, headers).create(good);
    return new Ground(server, headers, await new Client(server, headers).job(id));
  }

  /** Sends a body, bytes as they are, to one of the routes that take one. */
  send(
    route: BodyRoute,
    body: string | Uint8Array,
    headers: Record<string, string | undefined> = {},
  ): Promise<Answer<never>> {
    const [method, path] = route.split(' ') as [string, string];
    return this.api.request<never>(method, path.replace(':id', this.witness.id), { body, headers });
  }

  /** Nothing that was sent has left anything behind, and the server does its work. The last thing that a test does. */
  async unharmed(t: Test): Promise<void> {
    const { api, server, witness } = this;
    t.equal((await api.get('/health')).status, 200, 'the server is healthy');
    t.equal((await api.list('?limit=1')).total, this.made, 'no job was made that should not be');
    const { next_run_in: _, ...now } = await api.job(witness.id);
    const { next_run_in: __, ...then } = witness;
    t.same(now, then, 'the job that was there is as it was');
    const { id } = await api.create({ name: 'echo', delay: '0s', payload: { still: 'well' } });
    t.match(await api.until(id, 'success'), { result: { still: 'well' } }, 'a job runs');
    t.notMatch(server.output(), /a route failed|\n\s+at .*:\d+:\d+/, 'no stack in its log');
    t.equal(await server.stop(), 0, 'it stops in order');
    const check = await runCli(['check', server.dataDir]);
    t.equal(check.code, 0, `its directory is whole: ${check.output}`);
  }
}

/** The first answer in what a raw socket has read, in the form of the other clients' answers. */
export function firstAnswer({ text }: RawAnswer): Answer<unknown> {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const behind = rest.join('\r\n\r\n');
  const body = behind.slice(0, Number(headers['content-length'] ?? behind.length));
  return { status: Number(status.split(' ')[1]), headers, body: parsed(body), text: body };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
