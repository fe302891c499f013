/** `GET /system` shows each option that the help of `start` has, and no secret. */
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';

/** Those of nodes are shown by nodes only. */
const ofNodes = ['store', 'advertise', 'shards', 'settle'];

t.test('every option in force is shown', async (t) => {
  const { stdout } = await runCli(['start', '--help']);
  const help = [...stdout.matchAll(/^ {2}--(?:no-)?([a-z][a-z-]+)/gm)].map(([, name = '']) =>
    name.replaceAll('-', '_'),
  );
  t.ok(help.length > 30);
  const args = ['--token', 'the-secret', '--http-target', 'https://api.example.com', '--retention-failed', '3d'];
  const server = await startServer({ args });
  const { text, body } = await new Client(server, { authorization: 'Bearer the-secret' }).get<{
    options: Record<string, unknown>;
  }>('/system');
  t.same(Object.keys(body.options).sort(), help.filter((name) => !ofNodes.includes(name)).sort());
  t.match(body.options, { token: 'set', http_target: ['https://api.example.com'], retention_failed: '72h0m0s' });
  t.notMatch(text, 'the-secret');
  await server.stop();
});
