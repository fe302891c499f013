import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { awaiterName, whoseCode, whoseCodeOn } from '../../../src/pool/shared/attribution.js';

/** A thread on which three attempts wait, the one in slot 2 for `work`, an expression that gives a function. */
async function threadWith(t: Test, work: string): Promise<Worker> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const before = { limit: Error.stackTraceLimit, prepare: Error.prepareStackTrace };
     const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
     const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
     const attempt = (name, work) => ({ [name]: async (promise) => { await promise; } })[name](work());
     attempt(${JSON.stringify(awaiterName(1))}, () => later(60_000));
     attempt(${JSON.stringify(awaiterName(2))}, ${work}).then(() => {
       parentPort.postMessage(Error.stackTraceLimit === before.limit && Error.prepareStackTrace === before.prepare);
     });
     attempt(${JSON.stringify(awaiterName(3))}, () => later(60_000));
     parentPort.postMessage('begun');`,
    { eval: true },
  );
  t.teardown(() => worker.terminate());
  await once(worker, 'message');
  return worker;
}

const held = {
  'a wait for other threads':
    'async () => { await later(1); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); }',
  'a function that the handler awaits': 'async () => { await (async () => { await later(1); spin(60_000); })(); }',
  'a chain of then': '() => later(1).then(() => spin(60_000)).then(() => 1).finally(() => {})',
  'one of several at once': 'async () => { await Promise.all([later(60_000), later(1).then(() => spin(60_000))]); }',
  'a regular expression': `async () => { await later(1); /(a+)+$/.test('a'.repeat(60) + 'b'); }`,
  recursion:
    'async () => { await later(1); const dive = (n) => { if (n > 0) dive(n - 1); else spin(60_000); }; dive(3000); }',
};

for (const [what, work] of Object.entries(held)) {
  t.test(`whose code holds a thread: ${what}`, async (t) => {
    const { threadId } = await threadWith(t, work);
    let slot = 0;
    // The first question may come before the loop has begun.
    for (let asked = 0; slot === 0 && asked < 50; asked++) slot = (await whoseCodeOn(threadId)).slot;
    t.equal(slot, 2);
  });
}

t.test('a thread that was asked goes on as if it had not been', async (t) => {
  const worker = await threadWith(t, 'async () => { await later(1); spin(1000); }');
  const over = once(worker, 'message');
  let slot = 0;
  for (let asked = 0; slot === 0 && asked < 50; asked++) slot = (await whoseCodeOn(worker.threadId)).slot;
  t.equal(slot, 2);
  t.same(await over, [true]);
});

t.test('where there is no answer it is told in time', async (t) => {
  const blocked = await threadWith(
    t,
    `async () => { await later(1); require('node:child_process').spawnSync('sleep', ['4']); }`,
  );
  const callback = await threadWith(t, '() => new Promise(() => setTimeout(() => spin(60_000), 1))');
  const idle = await threadWith(t, '() => later(60_000)');
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const threadId of [blocked.threadId, callback.threadId, idle.threadId, 4711]) {
    t.match(await whoseCodeOn(threadId), { slot: 0 });
  }
});

t.test('a thread asks itself', async (t) => {
  t.match(whoseCode(), { slot: 0, at: /attribution\.test\.js:\d+$/ });
  const name = awaiterName(7);
  let found: ReturnType<typeof whoseCode> | undefined;
  const work = async () => {
    await null;
    found = whoseCode();
  };
  await { [name]: async () => await work() }[name]?.();
  t.match(found, { slot: 7, at: /attribution\.test\.js:\d+$/ });

  const { Error: original } = globalThis;
  t.teardown(() => (globalThis.Error = original));
  globalThis.Error = undefined as unknown as ErrorConstructor;
  const without = whoseCode();
  globalThis.Error = original;
  t.same(without, { slot: 0 }, 'also where handlers have replaced what it needs');
});
