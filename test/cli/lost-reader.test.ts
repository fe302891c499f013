/** Whoever reads a command's output may go at any moment (`| head -3`): the command ends without a word, and a server goes on. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { run, startServer, temporary } from '../support/server.js';

t.setTimeout(120_000);

/** The exit code and what it said, of a process whose output nobody reads. */
async function unread(child: ChildProcess): Promise<[code: number | null, said: string]> {
  let said = '';
  child.stderr?.on('data', (chunk) => (said += chunk));
  child.stdout?.destroy();
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return [code, said];
}

const server = await startServer();
await new Client(server).create({ name: 'noop', delay: '1h', payload: {} });
const url = ['--url', server.url];

t.test('each command ends quietly', async (t) => {
  const commands = [
    ['--help'],
    ['--version'],
    ['help', 'jobs'],
    ['start', '--help'],
    ['jobs', 'add', '--help'],
    ['cron', '0 9 * * 1-5', '--count', '100'],
    ['completion', 'bash'],
    ['jobs', 'list', ...url],
    ['types', 'list', '--json', ...url],
    ['events', '--since', '0', ...url],
    ['stats', ...url],
    ['top', ...url],
    ['health', '--port', String(server.port)],
    ['check', server.dataDir],
  ];
  for (const command of commands) {
    const [code, said] = await unread(run(command));
    // A directory in use cannot be checked, which is said where somebody listens.
    if (command[0] === 'check') t.match([code, said], [1, /^escapement: .*\n$/], 'check');
    else t.same([code, said], [0, ''], command.join(' '));
  }
});

t.test('what is wrong still sets the exit code, also when nobody reads that', async (t) => {
  const child = run(['jobs', 'list', '--nonsense']);
  child.stderr?.destroy();
  t.equal((await unread(child))[0], 2);
});

t.test('a server goes on', async (t) => {
  const args = ['start', '--port', '0', '--data-dir', join(temporary(), 'd'), '--handlers', 'dist/workers'];
  const child = run(args);
  child.stderr?.destroy();
  child.stdout?.setEncoding('utf8');
  const port = await new Promise<number>((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk: string) => {
      const found = /listening on http:\/\/\S+:(\d+)/.exec((text += chunk));
      if (found) resolve(Number(found[1]));
    });
  });
  child.stdout?.destroy();
  const client = new Client({ port });
  const { id } = await client.create({ name: 'email_send', delay: '0s', payload: {} });
  await client.until(id, ({ last_error }) => last_error !== undefined);
  t.match(await client.get('/health'), { status: 200 });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  t.equal(await ended, 0);
});
