/** Every operation of the API has a method of the client and a command. A new one fails here until it has both, or a reason. */
import type { Command } from 'commander';
import t from 'tap';
import { operations } from '../../src/api/operations.js';
import { backupCommand } from '../../src/cli/commands/backup.js';
import { clusterCommand } from '../../src/cli/commands/cluster.js';
import { cronCommand } from '../../src/cli/commands/cron.js';
import { eventsCommand } from '../../src/cli/commands/events.js';
import { healthCommand } from '../../src/cli/commands/health.js';
import { jobsCommand } from '../../src/cli/commands/jobs.js';
import { bulkCommand } from '../../src/cli/commands/many/bulk.js';
import { failuresCommand } from '../../src/cli/commands/many/failures.js';
import { historyCommand, metricsCommand, systemCommand } from '../../src/cli/commands/overview.js';
import { pauseCommand, resumeCommand } from '../../src/cli/commands/pause.js';
import { statsCommand } from '../../src/cli/commands/stats.js';
import { typesCommand } from '../../src/cli/commands/types.js';
import { Escapement } from '../../src/client/client.js';

interface Ways {
  /** Asks by the client; a text: why it has no method. */
  readonly client: ((client: Escapement, signal: AbortSignal) => Promise<unknown>) | string;
  /** What is typed, with an option where there must be one. Absent: there is none. */
  readonly command?: string;
}

const id = 'job_1_00000001';
const job = { name: 'noop', delay: '1h' };

const first = async (items: AsyncIterator<unknown>): Promise<unknown> => items.next();

const ways: Record<string, Ways> = {
  'GET ': { client: 'it lists the others; request("GET", "") has it' },
  'GET /jobs': { client: (c) => first(c.jobs.list()), command: 'jobs list' },
  'POST /jobs': { client: (c) => c.jobs.create(job), command: 'jobs add' },
  'POST /jobs/batch': { client: (c) => c.jobs.createMany([job]), command: 'jobs add --ndjson' },
  'GET /jobs/:id': { client: (c) => c.jobs.get(id), command: 'jobs show' },
  'PUT /jobs/:id': { client: (c) => c.jobs.update(id, { delay: '1h' }), command: 'jobs update' },
  'DELETE /jobs/:id': { client: 'it does what jobs.cancel does', command: 'jobs cancel' },
  'POST /jobs/:id/cancel': { client: (c) => c.jobs.cancel(id), command: 'jobs cancel' },
  'POST /jobs/:id/retry': { client: (c) => c.jobs.retry(id), command: 'jobs retry' },
  'POST /jobs/:id/run': { client: (c) => c.jobs.run(id), command: 'jobs run' },
  'POST /jobs/:id/pause': { client: (c) => c.jobs.pause(id), command: 'jobs pause' },
  'POST /jobs/:id/resume': { client: (c) => c.jobs.resume(id), command: 'jobs resume' },
  'POST /jobs/:id/remove': { client: (c) => c.jobs.remove(id), command: 'jobs remove' },
  'GET /jobs/:id/runs': { client: (c) => first(c.jobs.runs(id)), command: 'jobs runs' },
  'GET /jobs/:id/logs': { client: (c) => first(c.jobs.logs(id)), command: 'jobs logs' },
  'POST /bulk': { client: (c) => c.bulk.create({ action: 'run', filter: { name: 'noop' } }), command: 'bulk start' },
  'GET /bulk': { client: (c) => first(c.bulk.list()), command: 'bulk list' },
  'GET /bulk/:id': { client: (c) => c.bulk.get('bulk_1'), command: 'bulk show' },
  'DELETE /bulk/:id': { client: (c) => c.bulk.cancel('bulk_1'), command: 'bulk cancel' },
  'GET /failures': { client: (c) => first(c.failures()), command: 'failures' },
  'GET /job-types': { client: (c) => c.types.list(), command: 'types list' },
  'GET /job-types/:name': { client: (c) => c.types.get('noop'), command: 'types show' },
  'PUT /job-types/:name': { client: (c) => c.types.set('noop', { rate: null }), command: 'types set' },
  'POST /job-types/:name/pause': { client: (c) => c.types.pause('noop'), command: 'types pause' },
  'POST /job-types/:name/resume': { client: (c) => c.types.resume('noop'), command: 'types resume' },
  'GET /groups': { client: (c) => first(c.types.groups('noop')), command: 'types groups' },
  'POST /pause': { client: (c) => c.pause(), command: 'pause' },
  'POST /resume': { client: (c) => c.resume(), command: 'resume' },
  'GET /stats': { client: (c) => c.stats(), command: 'stats' },
  'GET /history': { client: (c) => c.history(), command: 'history' },
  'GET /system': { client: (c) => c.system(), command: 'system' },
  'GET /cluster': { client: (c) => c.cluster(), command: 'cluster' },
  'GET /health': { client: (c) => c.health(), command: 'health' },
  'GET /health/ready': { client: 'it is for load balancers', command: 'health --ready' },
  'GET /health/live': { client: 'it is for what starts the server again', command: 'health --live' },
  'GET /events': { client: (c, signal) => first(c.events({}, { signal })), command: 'events' },
  'GET /cron': { client: (c) => c.cron('@daily'), command: 'cron' },
  'GET /metrics': { client: (c) => c.metrics(), command: 'metrics' },
  'POST /backup': { client: (c) => c.backup('/backups/1'), command: 'backup' },
};

const commands = [
  jobsCommand,
  bulkCommand,
  failuresCommand,
  typesCommand,
  pauseCommand,
  resumeCommand,
  eventsCommand,
  statsCommand,
  historyCommand,
  systemCommand,
  metricsCommand,
  healthCommand,
  clusterCommand,
  cronCommand,
  backupCommand,
].map((make) => make());

t.test('the table has every operation, and no other', async (t) => {
  const all = Object.values(operations).map(({ method, path }) => `${method} ${path}`);
  t.same(Object.keys(ways).sort(), all.sort());
});

t.test('the client sends what the operation is', async (t) => {
  // Events come by the stream where there is no WebSocket.
  t.intercept(globalThis, 'WebSocket', { value: undefined });
  for (const [operation, { client }] of Object.entries(ways)) {
    if (typeof client === 'string') {
      t.ok(client, operation);
      continue;
    }
    const sent: string[] = [];
    const asked = new AbortController();
    const by = async (url: unknown, { method = 'GET' }: RequestInit = {}): Promise<Response> => {
      sent.push(`${method} ${new URL(String(url)).pathname.replace('/api/v1', '')}`);
      asked.abort();
      throw new TypeError('nobody is there');
    };
    const asking = new Escapement({ url: 'http://h', retryFor: 0, batch: false, fetch: by as typeof fetch });
    await client(asking, asked.signal).catch(() => {});
    const [method, path = ''] = operation.split(' ');
    t.match(sent[0], new RegExp(`^${method} ${path.replaceAll(/:\w+/g, '[^/]+')}$`), operation);
  }
});

t.test('each command is there, with its option', async (t) => {
  const named = (all: readonly Command[], name: string | undefined): Command | undefined =>
    all.find((one) => one.name() === name);
  for (const [operation, { command }] of Object.entries(ways)) {
    if (command === undefined) continue;
    const [outer, ...rest] = command.split(' ').filter((word) => !word.startsWith('--'));
    const found = rest.reduce((one, word) => named(one?.commands ?? [], word), named(commands, outer));
    t.ok(found, `${operation}: ${command}`);
    const option = /--\S+/.exec(command)?.[0];
    if (option)
      t.ok(
        found?.options.some(({ long }) => long === option),
        `${operation}: ${command}`,
      );
  }
});
