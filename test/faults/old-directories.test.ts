/** Data directories that version 1.0.0 wrote open with everything that was in them, under the ids they had. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../../bench/support/processes.js';
import { Client, type Job } from '../support/client.js';
import { handlersFolder, runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(120_000);

interface Answers {
  readonly jobs: readonly (Job & Record<string, unknown>)[];
  readonly stats: Record<string, number>;
}

const fixtures = join(root, 'test/fixtures/1.0.0');
const handlers = {
  noop: 'export default () => {};',
  hold: "export default (_, ctx) => new Promise((_, no) => ctx.signal.addEventListener('abort', () => no(ctx.signal.reason)));",
};

for (const name of ['clean', 'killed'] as const) {
  t.test(`a directory of 1.0.0, ${name}`, async (t) => {
    const folder = temporary(name);
    execFileSync('tar', ['-xzf', join(fixtures, `${name}.tar.gz`), '-C', folder]);
    const dataDir = join(folder, 'store');
    const before = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as Answers;
    const server = await startServer({
      dataDir,
      handlers: handlersFolder(handlers, false),
      args: ['--timezone', 'UTC', '--grace', '0s', '--retention', '3650d'],
    });
    const api = new Client(server);
    for (const job of before.jobs) {
      const { next_run_in: _, waiting_for: __, ...now } = (await api.job(job.id)) as Job & Record<string, unknown>;
      const { id, name, payload, created_at } = job;
      // What was running runs again; what has come due since the directory was written has moved on.
      const isMoving =
        job.status === 'running' || (job.status === 'pending' && Date.parse(job.trigger_at) <= Date.now());
      if (isMoving) t.match(now, { id, name, payload, created_at });
      else t.same(now, job);
    }
    t.equal((await api.list()).total, before.jobs.length);
    const { completed, failed, cancelled } = await api.stats();
    t.match(before.stats, { completed, failed, cancelled });
    const again = await api.post(
      '/jobs',
      { name: 'noop', trigger_at: '2999-01-01T00:00:00Z', payload: { a: 1, text: 'ä€😀' } },
      { 'Idempotency-Key': 'key-1' },
    );
    t.ok([201, 409].includes(again.status), 'a key is known for a day');
    const { id } = await api.create({ name: 'noop', delay: '0s' });
    await api.until(id, 'success');
    t.notOk(
      before.jobs.some((job) => job.id === id),
      'a new job has an id of its own',
    );
    t.equal(await server.stop(), 0);
    const checked = await runCli(['check', dataDir]);
    t.equal(checked.code, 0, checked.output);
  });
}
