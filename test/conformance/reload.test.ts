/** Handlers and tokens are read anew while the server runs: by SIGHUP, and by `--watch` on every change of the folder. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { handlersFolder, type Server, startServer, temporary } from '../support/server.js';
import { nameOf } from '../support/shards.js';
import { StreamReader } from '../support/sse.js';
import { testedNodes } from '../support/tested-nodes.js';
import { Subscriber } from '../support/ws.js';
import { problem } from './forms.js';

t.setTimeout(120_000);

const nodes = testedNodes ?? 1;

interface Line {
  msg: string;
  [field: string]: unknown;
}

/** The lines of the log that say so. */
function logged(server: Server, message: string): Line[] {
  return server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === message);
}

const readAnew = 'the handlers were read anew';
const notReadAnew = 'the handlers could not be read again: the old ones stay';

/** Sends SIGHUP and waits for what comes of it, on each node where there are several. */
async function reload(server: Server, message = readAnew): Promise<Line> {
  const wanted = logged(server, message).length + nodes;
  server.signal('SIGHUP');
  await eventually(
    () => logged(server, message).length >= wanted,
    () => server.output(),
  );
  return logged(server, message).at(-1) as Line;
}

/** Waits until new jobs may have these types and no others. Nodes hear of each other's types a little later. */
async function takes(server: Server, types: readonly string[]): Promise<void> {
  const wanted = `"enum":${JSON.stringify(types)}`;
  for (const url of server.urls) {
    const document = async (): Promise<string> => (await fetch(`${url}/openapi.json`)).text();
    await eventually(async () => (await document()).includes(wanted), `${url} does not take ${types}`);
  }
}

function handler(folder: string, name: string, source: string): void {
  // As a deployment should: never half a file.
  writeFileSync(join(folder, `_${name}`), source);
  renameSync(join(folder, `_${name}`), join(folder, `${name}.mjs`));
}

t.test('SIGHUP takes new code, new types and new defaults; jobs keep those that they were made with', async (t) => {
  const folder = handlersFolder({}, false);
  handler(folder, 'greet', "export default () => 'one'; export const options = { max_retries: 7 };");
  handler(folder, 'gone', 'export default () => 1;');
  const server = await startServer({ handlers: folder });
  const api = new Client(server);
  const early = await api.create({ name: 'greet', delay: '1h' });
  const lost = await api.create({ name: 'gone', delay: '1h' });
  problem(t, await api.post('/jobs', { name: 'fresh', delay: '1h' }), 400, 'unknown_job_type');

  handler(folder, 'greet', "export default () => 'two'; export const options = { max_retries: 2 };");
  handler(folder, 'fresh', "export default () => 'new'; export const payload = { required: ['a'] };");
  rmSync(join(folder, 'gone.mjs'));
  const line = await reload(server);
  t.match(line, { cause: 'SIGHUP', folder, added: ['fresh'], removed: ['gone'], handlers: 2 });
  t.match(logged(server, 'jobs have no handler in the handlers folder: they wait until there is one'), [
    { jobs: { gone: 1 } },
  ]);

  await takes(server, ['fresh', 'greet']);

  t.equal((await api.put(`/jobs/${early.id}`, { delay: '0s' })).status, 200);
  t.match(await api.until(early.id, 'success'), { result: 'two', max_retries: 7 });
  t.equal((await api.create({ name: 'greet', delay: '1h' })).max_retries, 2);
  problem(t, await api.post('/jobs', { name: 'gone', delay: '1h' }), 400, 'unknown_job_type');
  t.equal((await api.post('/jobs', { name: 'fresh', delay: '0s' })).status, 400);
  const { id } = await api.create({ name: 'fresh', delay: '0s', payload: { a: 1 } });
  t.match(await api.until(id, 'success'), { result: 'new' });

  await api.put(`/jobs/${lost.id}`, { delay: '0s' });
  t.match(await api.until(lost.id, (job) => 'waiting_for' in job), { status: 'pending', waiting_for: 'handler' });
  // Each node tells of the jobs that it has itself.
  await eventually(async () => {
    const { body } = await api.get<{ status: string; waiting_for_handler?: Record<string, number> }>('/health');
    return body.status === 'healthy' && body.waiting_for_handler?.gone === 1;
  }, 'no health tells of the job');
  const types = await api.get<{ items: { name: string }[] }>('/job-types');
  t.same(
    types.body.items.map(({ name }) => name),
    ['fresh', 'gone', 'greet'],
  );

  handler(folder, 'gone', "export default () => 'back';");
  await reload(server);
  t.match(await api.until(lost.id, 'success'), { result: 'back' }, 'it starts as soon as it may');
  await server.stop();
});

t.test('what does not load keeps what there was, and the log says why', async (t) => {
  const folder = handlersFolder({}, false);
  handler(folder, 'greet', "export default () => 'one';");
  const server = await startServer({ handlers: folder });
  const api = new Client(server);
  handler(folder, 'greet', 'export default () => {\n  const = 1;\n};');
  t.match(await reload(server, notReadAnew), { reason: /greet\.mjs:2: SyntaxError/ });
  handler(folder, 'greet', "export default () => 'two'; export const payload = { require: [] };");
  t.match(await reload(server, notReadAnew), { reason: /greet\.mjs: the payload schema has the unknown keyword/ });
  const { id } = await api.create({ name: 'greet', delay: '0s' });
  t.match(await api.until(id, 'success'), { result: 'one' });
  handler(folder, 'greet', "export default () => 'three';");
  await reload(server);
  const next = await api.create({ name: 'greet', delay: '0s' });
  t.match(await api.until(next.id, 'success'), { result: 'three' });
  const { text } = await api.absolute('GET', '/metrics');
  t.match(text, /^escapement_reloads_total\{what="handlers",outcome="failed"\} 2$/m);
  t.match(text, /^escapement_reloads_total\{what="handlers",outcome="done"\} 1$/m);
  t.match(text, /^escapement_threads\{state="retired"\} 0$/m);
  await server.stop();
});

t.test('an attempt that runs ends where it began, and a stop meanwhile is one in order', async (t) => {
  const folder = handlersFolder({});
  const go = join(temporary(), 'go');
  const server = await startServer({ handlers: folder });
  const api = new Client(server);
  const { id } = await api.create({ name: 'until', delay: '0s', payload: { file: go } });
  await api.until(id, 'running');
  rmSync(join(folder, 'until.mjs'));
  t.match(await reload(server), { removed: ['until'] });
  t.equal((await api.job(id)).status, 'running');
  writeFileSync(go, '');
  t.equal((await api.until(id, 'success')).retry_count, 0);
  server.signal('SIGHUP');
  t.equal(await server.stop(), 0);
  t.notMatch(server.output(), /"level":50/);
});

t.test('a reading anew under a thousand jobs a second loses and fails nothing', async (t) => {
  const folder = handlersFolder({}, false);
  const edition = (number: number): void => handler(folder, 'count', `export default () => ${number};`);
  edition(1);
  const server = await startServer({ handlers: folder, args: ['--threads', '2'] });
  const api = new Client(server);
  const feed = await Subscriber.to(server);
  const perBatch = 100;
  const batches = 40;
  const reloads = (async () => {
    for (let number = 2; number <= 5; number++) {
      edition(number);
      await reload(server);
    }
  })();
  let made = 0;
  for (let batch = 0; batch < batches; batch++) {
    const next = new Promise((resolve) => setTimeout(resolve, 100));
    const items = Array.from({ length: perBatch }, (_, at) => ({ name: 'count', delay: `${at}ms` }));
    const answer = await api.post('/jobs/batch', items);
    t.equal(answer.status, 201);
    made += perBatch;
    await next;
  }
  await reloads;
  await eventually(
    async () => (await api.stats()).completed === made,
    () => `not all have ended: ${server.output()}`,
    30_000,
  );
  t.match(await api.stats(), { completed: made, failed: 0, cancelled: 0, heap_size: 0 });
  t.equal(logged(server, readAnew).length, 4 * nodes);
  await eventually(
    () => feed.events().length >= made * 3,
    () => `${feed.events().length} events came`,
    30_000,
  );
  t.equal(feed.events().length, made * 3, 'each job was scheduled, started and completed, and nothing else happened');
  t.equal(new Set(feed.events().map(nameOf)).size, made * 3, 'each event came once');
  t.notMatch(server.output(), /"level":[45]0/);
  await server.stop();
});

t.test('--watch reads the handlers anew when something in the folder changes', async (t) => {
  const folder = handlersFolder({}, false);
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'lib', 'word.mjs'), "export const word = 'one';");
  handler(folder, 'say', "import { word } from './lib/word.mjs'; export default () => word;");
  const server = await startServer({ handlers: folder, args: ['--watch'] });
  const api = new Client(server);
  const said = async (): Promise<unknown> => {
    const { id } = await api.create({ name: 'say', delay: '0s' });
    return (await api.until(id, 'success')).result;
  };
  t.equal(await said(), 'one');
  writeFileSync(join(folder, 'lib', 'word.mjs'), "export const word = 'two';");
  await eventually(async () => (await said()) === 'two', 'the imported file is not noticed');
  handler(folder, 'more', 'export default () => 1;');
  await eventually(
    () => logged(server, readAnew).some(({ added }) => `${added}` === 'more'),
    'a new file is not noticed',
  );
  handler(folder, 'say', 'export default () => { broken');
  await eventually(() => logged(server, notReadAnew).length > 0, 'a broken file is not noticed');
  t.equal(await said(), 'two');
  rmSync(join(folder, 'more.mjs'));
  handler(folder, 'say', "export default () => 'three';");
  await eventually(async () => (await said()) === 'three', 'the mended file is not noticed');
  await eventually(
    () => logged(server, readAnew).some(({ removed }) => `${removed}` === 'more'),
    'that a file is gone is not noticed',
  );
  t.match(logged(server, readAnew), [{ cause: 'watch' }]);
  t.equal(await server.stop(), 0);
});

t.test('SIGHUP reads the token file anew, and closes the connections of tokens that were taken away', async (t) => {
  const file = join(temporary('tokens'), 'tokens');
  writeFileSync(file, 'alpha\nbeta\n');
  const server = await startServer({ args: ['--token', 'fixed', '--token-file', file, '--read-token', 'reader'] });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const statusOf = async (token: string): Promise<number> =>
    (await new Client(server, bearer(token)).get('/stats')).status;
  const connect = (token: string) => Subscriber.connect(server, { headers: bearer(token) });
  const sockets = await Promise.all(['alpha', 'beta', 'fixed', 'reader'].map(connect));
  const protocol = `bearer.${Buffer.from('alpha').toString('base64url')}`;
  const offered = await Subscriber.connect(server, {}, ['escapement.v1', protocol]);
  const streams = await Promise.all(['alpha', 'beta'].map((token) => StreamReader.to(server, '', bearer(token))));
  for (const socket of sockets) await socket.subscribe();

  writeFileSync(file, 'beta\ngamma\n');
  await reload(server);
  const read = logged(server, 'the token file was read anew');
  t.match(read, Array(nodes).fill({ added: 1, removed: 1 }));
  t.equal(
    read.reduce((sum, { closed }) => sum + Number(closed), 0),
    3,
    'connections closed, on all nodes together',
  );
  t.same(await Promise.all(['alpha', 'beta', 'gamma', 'fixed', 'reader'].map(statusOf)), [401, 200, 200, 200, 200]);
  t.match(await sockets[0]!.closed, { code: 1008, reason: /token/ });
  t.match(await offered.closed, { code: 1008 });
  t.equal(await streams[0]!.closed, 'ended');
  for (const socket of sockets.slice(1)) t.equal((await socket.ask({ action: 'ping' }, 'pong')).type, 'pong');

  for (const [text, why] of [
    ['', /has no token in it/],
    ['two words\n', /line 1 of the file/],
    ['reader\n', /given both by/],
  ] as const) {
    writeFileSync(file, text);
    await reload(server);
    const failed = logged(server, 'the token file could not be read again: the old tokens stay valid');
    t.match(failed.at(-1), { reason: why });
  }
  t.same(await Promise.all(['alpha', 'beta', 'gamma'].map(statusOf)), [401, 200, 200]);
  t.notMatch(server.output(), /alpha|beta|gamma|reader\b.*words/);
  for (const socket of sockets.slice(1)) await socket.close();
  await server.stop();
});
