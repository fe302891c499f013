/** F43: handlers that replace what everybody uses, or send messages of their own: their threads may fail, the server does not. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

const broken = "() => { throw new Error('replaced'); }";
const posts = (what: string) => `import { parentPort } from 'node:worker_threads';
export default () => { parentPort.postMessage(${what}); };`;
const handlers = {
  stringify: `export default () => { JSON.stringify = ${broken}; return { a: 1 }; };`,
  stringify_text: `export default () => { JSON.stringify = () => '}{'; return { a: 1 }; };`,
  parse: `export default () => { JSON.parse = ${broken}; };`,
  promise: `export default async () => { globalThis.Promise = ${broken}; };`,
  promise_then: `export default async () => { Promise.prototype.then = ${broken}; };`,
  push: `export default () => { Array.prototype.push = ${broken}; };`,
  float64: `export default () => { globalThis.Float64Array = ${broken}; };`,
  float64_slice: `export default () => { Object.getPrototypeOf(Float64Array.prototype).slice = () => 'x'; };`,
  post_message: `export default () => { MessagePort.prototype.postMessage = function () { return 1; }; };`,
  immediate: `export default () => { globalThis.setImmediate = () => {}; };`,
  clone: `export default () => { globalThis.structuredClone = ${broken}; };`,
  map: `export default async () => { Map.prototype.get = ${broken}; Map.prototype.set = ${broken}; };`,
  posts_null: posts('null'),
  posts_text: posts("'x'.repeat(1000)"),
  posts_report: posts("{ kind: 'report', numbers: [1], texts: null, lines: 5 }"),
  posts_task: posts('{ taskId: 7, result: null, error: null }'),
};

const server = await startServer({ args: ['--threads', '2'], handlers });
const api = new Client(server);

for (const name of Object.keys(handlers)) {
  t.test(`F43: ${name}: it ends, and what follows succeeds`, async (t) => {
    const { id } = await api.create({ name, delay: '0s', timeout: '1s', max_retries: 0 });
    let status = '';
    while (!['success', 'failed'].includes(status)) status = (await api.job(id)).status;
    t.comment(status);
    for (let job = 0; job < 6; job++) {
      const next = await api.create({
        name: 'echo',
        delay: '0s',
        payload: { job },
        max_retries: 3,
        retry_delay: '10ms',
      });
      t.match(await api.until(next.id, 'success', 30_000), { status: 'success' });
    }
  });
}

t.test('F43: the server is the same', async (t) => {
  t.equal((await api.get('/health')).status, 200);
  t.equal(await server.stop(), 0);
});
