/** Readings anew: one at a time, whatever asks for them, and each part for itself. */
import t from 'tap';
import type { LoadedGeneration } from '../../src/pool/generations.js';
import type { HandlerInfo } from '../../src/pool/port.js';
import { type ReloadPorts, Reloads } from '../../src/reload/reloads.js';
import { noTelemetry } from '../../src/telemetry/port.js';

function anyHandler(name: string) {
  return { name, description: '', concurrency: 1, timeoutMs: 1000, maxRetries: 0, retryDelayMs: 0 };
}

interface Load {
  readonly resolve: (handlers: readonly HandlerInfo[]) => void;
  readonly reject: (error: Error) => void;
}

function setUp(options: Partial<ReloadPorts> = {}) {
  const loads: Load[] = [];
  const done: string[] = [];
  const log: { level: string; fields: object; message: string }[] = [];
  const note =
    (level: string) =>
    (fields: object, message: string): void =>
      void log.push({ level, fields, message });
  const reloads = new Reloads(
    {
      folder: '/jobs',
      load: () =>
        new Promise<LoadedGeneration>((resolve, reject) => {
          const loaded = (handlers: readonly HandlerInfo[]): LoadedGeneration => ({
            handlers,
            use: () => done.push('used'),
            drop: async () => void done.push('dropped'),
          });
          loads.push({ resolve: (handlers) => resolve(loaded(handlers)), reject });
        }),
      replaceTypes: (types) => done.push(types.map(({ name }) => name).join(' ')),
      readTokens: undefined,
      replaceTokens: () => 0,
      log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } as never,
      telemetry: { ...noTelemetry, reloaded: (what, outcome) => done.push(`${what} ${outcome}`) },
      ...options,
    },
    { types: [anyHandler('old'), anyHandler('kept')], tokens: { full: ['one'], read: [] } },
  );
  return { reloads, loads, done, log };
}

t.test('new handlers are used and what has changed is told', async (t) => {
  const { reloads, loads, done, log } = setUp();
  reloads.start();
  const reading = reloads.request('SIGHUP');
  loads[0]!.resolve([anyHandler('kept'), anyHandler('new')]);
  await reading;
  t.same(done, ['used', 'kept new', 'handlers done']);
  t.same(log, [
    {
      level: 'info',
      fields: { cause: 'SIGHUP', folder: '/jobs', added: ['new'], removed: ['old'], handlers: 2 },
      message: 'the handlers were read anew',
    },
  ]);
});

t.test('what is asked for during a reading is one more, behind it', async (t) => {
  const { reloads, loads, done } = setUp();
  reloads.start();
  const first = reloads.request('SIGHUP');
  const others = [reloads.request('watch'), reloads.request('SIGHUP'), reloads.request('SIGHUP')];
  t.equal(loads.length, 1, 'one at a time');
  loads[0]!.resolve([anyHandler('a')]);
  await first;
  t.equal(loads.length, 2, 'all of them are one more');
  const late = reloads.request('watch');
  loads[1]!.resolve([anyHandler('b')]);
  await Promise.all(others);
  t.equal(loads.length, 3, 'that had begun when another was asked for');
  loads[2]!.resolve([anyHandler('c')]);
  await late;
  t.equal(loads.length, 3);
  t.same(
    done.filter((each) => each.length === 1),
    ['a', 'b', 'c'],
  );
});

t.test('what does not load changes nothing, and the next reading may', async (t) => {
  const { reloads, loads, done, log } = setUp();
  reloads.start();
  const reading = reloads.request('watch');
  loads[0]!.reject(new Error('/jobs/a.js:2: SyntaxError'));
  await reading;
  t.same(done, ['handlers failed']);
  t.match(log, [{ level: 'error', fields: { cause: 'watch', folder: '/jobs', reason: '/jobs/a.js:2: SyntaxError' } }]);
  const again = reloads.request('watch');
  const payload = { file: '/jobs/a.js', schema: { typ: 'object' } };
  loads[1]!.resolve([{ ...anyHandler('a'), payload }]);
  await again;
  t.same(done, ['handlers failed', 'dropped', 'handlers failed'], 'a schema that cannot be used is as bad');
  t.match(log[1], { fields: { reason: '/jobs/a.js: the payload schema has the unknown keyword "typ"' } });
  const third = reloads.request('watch');
  loads[2]!.resolve([{ ...anyHandler('a'), payload: { ...payload, schema: { type: 'object' } } }]);
  await third;
  t.same(done.slice(3), ['used', 'a', 'handlers done']);
});

t.test('tokens and handlers stand alone', async (t) => {
  const given: object[] = [];
  let tokens: readonly string[] | undefined = ['one', 'two'];
  const { reloads, loads, done, log } = setUp({
    readTokens: () => {
      if (tokens === undefined) throw new Error('the file has no token in it');
      return { full: tokens, read: [] };
    },
    replaceTokens: (lists) => given.push(lists),
  });
  reloads.start();
  const first = reloads.request('SIGHUP');
  loads[0]!.reject(new Error('no'));
  await first;
  t.same(given, [{ full: ['one', 'two'], read: [] }]);
  t.same(done, ['tokens done', 'handlers failed']);
  t.match(log[0], { message: 'the token file was read anew', fields: { added: 1, removed: 0 } });
  t.notMatch(JSON.stringify(log), 'two');
  tokens = undefined;
  const second = reloads.request('SIGHUP');
  loads[1]!.resolve([anyHandler('a')]);
  await second;
  t.equal(given.length, 1);
  t.same(done.slice(2), ['tokens failed', 'used', 'a', 'handlers done']);
});

t.test('before the start it waits, and after the stop nothing changes', async (t) => {
  const { reloads, loads, done, log } = setUp();
  await reloads.request('SIGHUP');
  t.equal(loads.length, 0);
  reloads.start();
  t.equal(loads.length, 1);
  const next = reloads.request('watch');
  reloads.stop();
  loads[0]!.resolve([anyHandler('a')]);
  await next;
  await reloads.request('SIGHUP');
  t.equal(loads.length, 1);
  t.same(done, ['dropped']);
  t.same(log, []);
});
