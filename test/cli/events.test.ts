/** `escapement events`: what it prints, how it ends, and that it goes on after its server was killed. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { lastingPort } from '../support/ports.js';
import { run, runCli, startServer } from '../support/server.js';

t.setTimeout(300_000);

t.test('past events and new ones, in words and as JSON, across a kill', async (t) => {
  const server = await startServer({ args: ['--port', String(lastingPort())] });
  const client = new Client(server);
  const { id } = await client.create({ name: 'echo', delay: '0s', payload: {} });
  await client.until(id, 'success');
  const child = run(['events', '--since', '0', '--type', 'echo', '--url', server.url]);
  t.teardown(() => child.kill());
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually(() => text.includes('job.completed'), 'the past did not come');
  t.match(
    text,
    new RegExp(`^\\d{4}-\\S+ {2}job\\.scheduled {2}echo {2}${id} {2}trigger_at=.*\n.*job\\.started .*attempt=1\n`),
  );
  await server.kill();
  await server.restart();
  const second = await client.create({ name: 'echo', delay: '0s', payload: {} });
  await client.create({ name: 'noop', delay: '0s', payload: {} });
  await eventually(() => text.split(second.id).length > 3, 'it did not go on');
  t.notMatch(text, /noop/, 'another type');
  const lines = text.trim().split('\n');
  t.equal(new Set(lines).size, lines.length, 'nothing twice');
});

t.test('whoever reads may go', async (t) => {
  const server = await startServer();
  await new Client(server).create({ name: 'noop', delay: '1h', payload: {} });
  const child = run(['events', '--since', '0', '--json', '--url', server.url]);
  let stderr = '';
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const first = await new Promise<string>((resolve) => child.stdout!.once('data', (chunk) => resolve(String(chunk))));
  t.match(JSON.parse(first.split('\n')[0] as string), { type: 'job.scheduled', seq: 1 });
  child.stdout!.destroy();
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  await new Client(server).create({ name: 'noop', delay: '1h', payload: {} });
  t.same([await ended, stderr], [0, '']);
});

t.test('a filter that is refused', async (t) => {
  const server = await startServer();
  t.match(await runCli(['events', '--event', 'job.nothing', '--url', server.url]), { code: 1, stderr: /job\.nothing/ });
  t.match(await runCli(['events', '--since', '99', '--url', server.url]), { code: 1, stderr: /since/ });
});
