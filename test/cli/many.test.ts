/** `escapement bulk …`, `failures` and the filters of `jobs list` against a real server. */
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, type Server, startServer } from '../support/server.js';

t.setTimeout(300_000);

let server: Server;
let api: Client;
t.before(async () => {
  server = await startServer();
  api = new Client(server);
});

const asked = (...args: string[]): ReturnType<typeof runCli> => runCli(args, { ESCAPEMENT_URL: server.url });

t.test('jobs list takes filters, and an order', async (t) => {
  const early = await api.create({ name: 'noop', delay: '1h', tags: ['x', 'y'] });
  const late = await api.create({ name: 'noop', delay: '2h', tags: ['x'], payload: { note: 'Needle' } });
  const ids = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await asked('jobs', 'list', '--json', ...args);
    return (JSON.parse(stdout) as { items: { id: string }[] }).items.map(({ id }) => id);
  };
  t.same(await ids('--tag', 'x', '--tag', 'y'), [early.id]);
  t.same(await ids('--sort', 'due', '--order', 'desc'), [late.id, early.id]);
  t.same(await ids('--repeat'), []);
  t.same(await ids('--paused', 'false', '--id', `${early.id},${late.id}`), [late.id, early.id]);
  t.same(await ids('--search', 'needle'), [late.id]);
  t.match(await asked('jobs', 'list', '--search', 'nothing'), { code: 0, stderr: 'no such jobs\n' });
  t.match(await asked('jobs', 'list', '--due-after', 'soon'), { code: 1, stderr: /^escapement: --due-after is not/ });
});

t.test('bulk: looked at, done, listed, shown', async (t) => {
  t.match(await asked('bulk', 'start', 'cancel', '--tag', 'x', '--dry-run'), { code: 0, stdout: '2 jobs match\n' });
  const change = ['--change', '{"max_retries": 1}'];
  t.match(await asked('bulk', 'start', 'update', '--tag', 'x', ...change, '--wait'), {
    code: 0,
    stdout: 'bulk_1  update  success  2 of 2 done\n',
  });
  t.match(await asked('bulk', 'start', 'update', '--all', '--change', '{"max_runs": 3}', '--wait'), {
    code: 1,
    stdout: 'bulk_2  update  success  0 of 2 done, 2 failed\n',
  });
  t.match((await asked('bulk', 'list')).stdout, /^ID .*\nbulk_2 .*\nbulk_1 /);
  t.match((await asked('bulk', 'show', 'bulk_2')).stdout, /errors: +\[/);
  t.match(await asked('bulk', 'cancel', 'bulk_1'), { code: 0, stdout: /^bulk_1 {2}update {2}success/ });
  t.match(await asked('bulk', 'show', 'bulk_9'), { code: 1, stderr: /no such bulk action/ });
  t.match(await asked('bulk', 'start', 'cancel'), { code: 2, stderr: /which jobs are meant/ });
  t.match(await asked('bulk', 'start', 'stop', '--all'), { code: 2, stderr: /stop/ });
  t.match(await asked('bulk', 'start', 'update', '--all', '--change', '{'), { code: 2, stderr: /--change/ });
});

t.test('failures', async (t) => {
  t.match(await asked('failures'), { code: 0, stdout: 'no failed jobs\n' });
  const { id } = await api.create({
    name: 'fail',
    delay: '0s',
    max_retries: 0,
    payload: { message: 'order 5 is gone' },
  });
  await api.until(id, 'failed');
  t.match(
    (await asked('failures', '--type', 'fail')).stdout,
    new RegExp(`1 +fail +[0-9a-f]{12} .* ${id} +order # is gone`),
  );
});
