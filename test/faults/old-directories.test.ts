/** Data directories that version 1.0.0 wrote open with everything that was in them, under the ids they had. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../../bench/support/processes.js';
import { schemaVersion } from '../../src/store/format/layout.js';
import { Client, type Job } from '../support/client.js';
import { each, missing, needs } from '../support/faults.js';
import { handlersFolder, runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(300_000);

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
      args: ['--timezone', 'UTC', '--grace', '0s', '--retention', '3650d', '--retention-failed', '3650d'],
    });
    const api = new Client(server);
    for (const job of before.jobs) {
      const { next_run_in: _, waiting_for: __, ...now } = (await api.job(job.id)) as Job & Record<string, unknown>;
      const { id, name, payload, created_at } = job;
      // What was running runs again; what has come due since the directory was written has moved on.
      const isMoving =
        job.status === 'running' || (job.status === 'pending' && Date.parse(job.trigger_at) <= Date.now());
      if (isMoving) t.match(now, { id, name, payload, created_at });
      else t.same(now, job.is_repeat ? { ...job, run_count: 0 } : job);
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

/** A directory of 1.0.0 that was killed, unpacked. */
function killed(): string {
  const folder = temporary('old');
  execFileSync('tar', ['-xzf', join(fixtures, 'killed.tar.gz'), '-C', folder]);
  return join(folder, 'store');
}

const idsBefore = (JSON.parse(readFileSync(join(fixtures, 'killed.json'), 'utf8')) as Answers).jobs.map(({ id }) => id);

async function opensWhole(t: Test, dataDir: string, what: string): Promise<void> {
  const server = await startServer({
    dataDir,
    handlers: handlersFolder(handlers, false),
    args: ['--timezone', 'UTC', '--grace', '0s', '--retention', '3650d', '--retention-failed', '3650d'],
  });
  t.same(await missing(new Client(server), new Set(idsBefore)), [], `${what}: every job is there`);
  t.equal(await server.stop(), 0, what);
  const { schema } = JSON.parse(readFileSync(join(dataDir, 'escapement.json'), 'utf8')) as { schema: number };
  t.equal(schema, schemaVersion, what);
  t.ok(existsSync(join(dataDir, 'journal')), what);
}

t.test('an upgrade says so in one line, once', async (t) => {
  const dataDir = killed();
  const args = ['--timezone', 'UTC', '--grace', '0s', '--retention', '3650d', '--retention-failed', '3650d'];
  const upgraded = async (): Promise<number> => {
    const server = await startServer({ dataDir, handlers: handlersFolder(handlers, false), args });
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes('the directory was upgraded'));
    await server.stop();
    return lines.length;
  };
  t.equal(await upgraded(), 1);
  t.equal(await upgraded(), 0);
});

t.test('an upgrade that is killed at any of its calls is done again', needs('strace'), async (t) => {
  const calls = 'openat,write,fsync,rename,close';
  const files = ['journal', 'journal.new', 'escapement.json', 'escapement.json.new'];
  let through = 0;
  await each(
    Array.from({ length: 40 }, (_, n) => n + 1),
    async (n) => {
      // More calls than an upgrade makes: from there on the server starts, and has nothing to be killed in.
      if (n > 12 && through > 0) return;
      const dataDir = killed();
      const start = ['dist/src/cli.js', 'start', '--port', '0', '--data-dir', dataDir, '--handlers', 'dist/workers'];
      const paths = files.flatMap((name) => ['-P', join(dataDir, name)]);
      const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${n}`];
      const traced = ['-f', '-o', '/dev/null', ...paths, ...inject, process.execPath, ...start];
      const child = spawn('strace', traced, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
      const over = new Promise<void>((done) => child.once('close', () => done()));
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (!/listening on/.test(text)) return;
        through += 1;
        process.kill(Number(/"pid":(\d+)/.exec(output)?.[1]), 'SIGTERM');
      });
      await over;
      await opensWhole(t, dataDir, `call ${n}`);
    },
    2,
  );
  t.ok(through > 0, 'all calls of an upgrade were reached');
});
