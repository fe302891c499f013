/** Lines of handlers: bounds, order, pages, and what a disk that refuses, a crash and a removed job make of them. */
import t from 'tap';
import { checkStore } from '../../../src/store/check/check.js';
import { readTotal, totalKey } from '../../../src/store/format/trees/job-log.js';
import { JobLogs } from '../../../src/store/state/job-logs.js';
import { type LogOrder, LogWriter, removeLogs } from '../../../src/store/trees/job-logs.js';
import { DiskFull } from '../../support/disk-faults.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryKv } from '../../support/kv-memory.js';

/** Lines over a memory; `pass` lets time go by and the storage do its work. */
function setUp({ kv = new MemoryKv(), maxBytes = 1e9, gone = new Set<number>(), isMirrored = false } = {}) {
  const clock = new FakeClock();
  const writer = new LogWriter(kv);
  const orders: LogOrder[] = [];
  let steps: (() => void)[] = [];
  const logs: JobLogs = new JobLogs({
    maxBytes,
    isMirrored,
    kv,
    storage: { writeLogs: (order) => orders.push(order) },
    exists: (seq) => !gone.has(seq),
    later: (_, step) => steps.push(step),
  });
  const pass = (): void => {
    for (let round = 0; round < 4; round++) {
      const now = steps;
      steps = [];
      for (const step of now) step();
      for (const order of orders.splice(0)) {
        try {
          logs.written(writer.write(order));
        } catch (error) {
          if (!(error instanceof DiskFull)) throw error;
          logs.failed();
        }
      }
    }
  };
  const add = (jobSeq: number, run: number, message: string, fields?: string): boolean =>
    logs.add({ jobSeq, run, at: clock.now(), level: 'info', message, fields });
  const messages = (seq: number, run?: number): string[] =>
    logs.page(seq, { run, limit: 1000 }).items.map((line) => line.message);
  return { kv, clock, logs, orders, pass, add, messages };
}

/** Lines and jobs are apart here: only what the check says of lines counts. */
function faultsOf(kv: MemoryKv): string[] {
  const faults: string[] = [];
  checkStore(kv, 0, (line) => faults.push(line));
  return faults.filter((line) => line.includes('line') && !line.includes('does not exist'));
}

t.test('they are there at once, and after they were written, in order', async (t) => {
  const { logs, pass, add, messages, kv } = setUp();
  add(1, 1, 'a');
  add(2, 1, 'other');
  add(1, 1, 'b', '{"x":1}');
  t.same(messages(1), ['a', 'b']);
  pass();
  t.same(messages(1), ['a', 'b']);
  add(1, 2, 'd');
  add(1, 1, 'c');
  t.same(messages(1), ['a', 'b', 'c', 'd']);
  t.same(messages(1, 1), ['a', 'b', 'c']);
  t.same(messages(1, 2), ['d']);
  t.same(messages(3), []);
  pass();
  const page = logs.page(1, { limit: 10 });
  t.match(page, { total: 4, dropped: 0, next: undefined });
  t.match(page.items[1], { run: 1, level: 'info', message: 'b', fields: '{"x":1}' });
  t.same(faultsOf(kv), []);
});

t.test('pages go on where the last one ended, over chunks, memory and runs', async (t) => {
  const { logs, pass, add } = setUp();
  const all: string[] = [];
  for (let run = 1; run <= 3; run++) {
    for (let i = 0; i < 7; i++) {
      add(1, run, `${run}/${i}`);
      all.push(`${run}/${i}`);
      if (i % 3 === 2) pass();
    }
  }
  for (const limit of [1, 2, 5, 21, 22]) {
    const found: string[] = [];
    for (let after: { run: number; n: number } | undefined; ; ) {
      const page = logs.page(1, { limit, after });
      t.equal(page.total, 21);
      found.push(...page.items.map(({ message }) => message));
      after = page.next;
      if (after === undefined) break;
    }
    t.same(found, all, `in pages of ${limit}`);
  }
});

t.test('of a run the last thousand lines stay, or 64 KiB, and what has gone is counted', async (t) => {
  const { logs, pass, add, messages, kv } = setUp();
  for (let i = 0; i < 2500; i++) {
    add(1, 1, `line ${i}`);
    if (i % 300 === 0) pass();
  }
  const check = (): void => {
    const { total, dropped } = logs.page(1, { limit: 1 });
    t.equal(total, 1000);
    t.equal(total + dropped, 2500);
    t.equal(messages(1).at(-1), 'line 2499');
    t.equal(messages(1).length, total);
  };
  check();
  pass();
  check();
  for (let i = 0; i < 100; i++) {
    add(2, 1, 'x'.repeat(8000));
    if (i % 5 === 0) pass();
  }
  pass();
  const { total, dropped } = logs.page(2, { limit: 1000 });
  t.ok(total >= 8 && total <= 16, `${total} long lines`);
  t.equal(total + dropped, 100);
  t.same(faultsOf(kv), []);
});

t.test('one line more does not take a thousand away', async (t) => {
  const { logs, pass, add, messages, kv } = setUp();
  for (let i = 0; i < 999; i++) add(1, 1, `line ${i}`);
  pass();
  for (let i = 999; i < 1001; i++) add(1, 1, `line ${i}`);
  pass();
  t.match(logs.page(1, { limit: 1 }), { total: 1000, dropped: 1 });
  t.equal(messages(1)[0], 'line 1');
  t.same(faultsOf(kv), []);
});

t.test('lines that were refused go out with the last ones, but for those of jobs that are gone', async (t) => {
  const gone = new Set<number>();
  const { logs, pass, add, orders, kv } = setUp({ gone });
  kv.beforeWrite = () => {
    throw new DiskFull('no room');
  };
  add(1, 1, 'a');
  add(2, 1, 'of a job that is removed');
  pass();
  kv.beforeWrite = () => {};
  gone.add(2);
  add(1, 1, 'b');
  logs.flush();
  t.same(
    orders.map(({ chunks }) => chunks.map(({ seq, lines }) => [seq, lines])),
    [
      [
        [1, 1],
        [1, 1],
      ],
    ],
  );
  pass();
  const next = setUp({ kv });
  t.same(next.messages(1), ['a', 'b']);
  t.same(next.messages(2), []);
});

t.test('what was refused is not written for a job that has been removed since', async (t) => {
  const gone = new Set<number>();
  const { pass, add, kv, messages } = setUp({ gone });
  let refuses = true;
  kv.beforeWrite = () => {
    if (refuses) throw new DiskFull('no room');
  };
  add(1, 1, 'a');
  pass();
  refuses = false;
  gone.add(1);
  pass();
  pass();
  t.same(messages(1), []);
  t.same([...kv.keys('logs', {})].length, 0);
});

t.test('of all together the oldest go', async (t) => {
  const { logs, pass, add, messages, kv } = setUp({ maxBytes: 20_000 });
  for (let seq = 1; seq <= 50; seq++) {
    add(seq, 1, 'x'.repeat(1000));
    pass();
  }
  t.ok(logs.bytes <= 20_000 && logs.bytes > 15_000, `${logs.bytes} bytes`);
  t.equal(readTotal(kv.get('logs', totalKey)).bytes, logs.bytes);
  t.same(messages(1), []);
  t.equal(messages(50).length, 1);
  t.same(faultsOf(kv), []);
});

t.test('what was too much for its thread is counted', async (t) => {
  const { logs, pass, add } = setUp();
  add(1, 1, 'a');
  logs.drop(1, 1, 10);
  add(1, 1, 'b');
  t.match(logs.page(1, { limit: 9 }), { total: 2, dropped: 10 });
  pass();
  logs.drop(1, 1, 5);
  t.match(logs.page(1, { limit: 9 }), { total: 2, dropped: 15 });
  pass();
  t.match(logs.page(1, { limit: 9 }), { total: 2, dropped: 15 });
  t.equal(logs.dropped, 15);
});

t.test('a flood that the disk does not take is bounded', async (t) => {
  const { logs, orders, add, kv, pass } = setUp();
  kv.beforeWrite = () => {
    throw new DiskFull('no room');
  };
  for (let seq = 1; seq <= 400; seq++) for (let i = 0; i < 10; i++) add(seq, 1, 'x'.repeat(8000));
  pass();
  t.ok(logs.dropped > 2000, `${logs.dropped} of 4000 are dropped`);
  t.equal(orders.length, 0);
  kv.beforeWrite = () => {};
  pass();
  pass();
  const { total, dropped } = logs.page(1, { limit: 9 });
  t.equal(total + dropped, 10);
  add(1, 2, 'goes on');
  pass();
  t.equal(logs.page(1, { run: 2, limit: 9 }).total, 1);
  t.same(faultsOf(kv), []);
});

t.test('an attempt that is there again under its number goes on', async (t) => {
  const first = setUp();
  first.add(1, 1, 'before');
  first.pass();
  first.add(1, 1, 'lost');
  const { add, messages, pass } = setUp({ kv: first.kv });
  add(1, 1, 'after');
  t.same(messages(1), ['before', 'after']);
  pass();
  t.same(messages(1), ['before', 'after']);
});

t.test('nothing is left of a job that was removed, and nothing is written of one', async (t) => {
  const gone = new Set<number>();
  const { kv, add, pass, logs, messages } = setUp({ gone });
  add(1, 1, 'a');
  add(2, 1, 'b');
  pass();
  add(1, 1, 'late');
  gone.add(1);
  kv.transact((tx) => removeLogs(tx, 1));
  pass();
  t.same(messages(1), []);
  t.same(messages(2), ['b']);
  add(2, 1, 'c');
  pass();
  t.equal(logs.bytes, readTotal(kv.get('logs', totalKey)).bytes);
  t.same(faultsOf(kv), []);
});

t.test('none are kept where none are to be', async (t) => {
  const { logs, add, pass, messages } = setUp({ maxBytes: 0 });
  add(1, 1, 'a');
  logs.drop(1, 1, 3);
  pass();
  t.same(messages(1), []);
  t.equal(logs.dropped, 0);
});

t.test('damage is found, and never shown as a line', async (t) => {
  const { kv, add, pass, logs } = setUp();
  add(1, 1, 'a');
  pass();
  const [key] = [...kv.keys('logs', {})].filter((one) => one.length > 20);
  const value = kv.get('logs', key as Buffer) as Buffer;
  value[value.length - 3] = (value[value.length - 3] as number) ^ 1;
  kv.transact((tx) => tx.put('logs', key as Buffer, value));
  t.throws(() => logs.page(1, { limit: 9 }), { name: 'DamagedRecord' });
  t.match(faultsOf(kv), [/lines of .* does not match its checksum/]);
});

t.test('what is not known to be elsewhere goes to another node, in order, with what was dropped', async (t) => {
  const { logs, pass, add, orders } = setUp({ isMirrored: true });
  add(1, 1, 'elsewhere');
  pass();
  logs.mirrored(1);
  t.same(logs.unmirrored, []);
  add(1, 1, 'on this disk');
  logs.drop(2, 1, 3);
  pass();
  add(1, 1, 'being written');
  logs.flush();
  t.equal(orders.length, 1);
  add(1, 1, 'waiting');
  logs.drop(1, 1, 2);
  add(3, 1, 'of another job');
  const messages = logs.unmirrored.map(({ jobSeq, run, until, lines }) => [
    ...[jobSeq, run, until],
    lines.map(({ n, message }) => `${n} ${message}`),
  ]);
  t.same(messages, [
    [1, 1, 6, ['1 on this disk', '2 being written', '3 waiting']],
    [2, 1, 3, []],
    [3, 1, 1, ['0 of another job']],
  ]);
  t.equal(logs.countOf(1, 1), 6);
  t.equal(logs.countOf(9, 1), 0);
  logs.mirrored(1);
  t.equal(logs.unmirrored.length, 3, 'what was mirrored before says nothing of what was written since');
  logs.mirrored(2);
  t.same(
    logs.unmirrored.map(({ jobSeq }) => jobSeq),
    [1, 3],
  );
});

t.test('a single node remembers nothing of what is on disk, and a node bounds it', async (t) => {
  const alone = setUp();
  alone.add(1, 1, 'a');
  alone.pass();
  t.same(alone.logs.unmirrored, []);
  const { logs, add, pass } = setUp({ isMirrored: true });
  for (let seq = 1; seq <= 200; seq++) {
    for (let i = 0; i < 5; i++) add(seq, 1, 'x'.repeat(8000));
    pass();
  }
  const bytes = logs.unmirrored.reduce((sum, { lines }) => sum + lines.length * 8000, 0);
  t.ok(bytes > 3_800_000 && bytes <= 4 * 1024 * 1024, `${bytes} bytes`);
  t.equal(logs.unmirrored.at(-1)?.jobSeq, 200);
});

t.test('what another node hands over is there once, behind what was there, and what it lacks is counted', async (t) => {
  const { logs, add, pass, messages, kv } = setUp();
  const line = (n: number) => ({ n, at: 1, level: 'info', message: `line ${n}` });
  add(1, 1, 'line 0');
  add(1, 1, 'line 1');
  pass();
  const handed = { jobSeq: 1, run: 1, lines: [line(1), line(2), line(4)], until: 6 };
  logs.addRun(handed);
  t.same(messages(1), ['line 0', 'line 1', 'line 2', 'line 4']);
  t.match(logs.page(1, { limit: 9 }), { total: 4, dropped: 2 });
  pass();
  logs.addRun(handed);
  t.notOk(logs.add({ jobSeq: 1, run: 1, ...line(5) }), 'that was dropped');
  t.ok(logs.add({ jobSeq: 1, run: 1, ...line(6) }));
  logs.drop(1, 1, 2, 6);
  t.match(logs.page(1, { limit: 9 }), { total: 5, dropped: 3 });
  pass();
  t.same(messages(1), ['line 0', 'line 1', 'line 2', 'line 4', 'line 6']);
  t.match(logs.page(1, { limit: 9 }), { total: 5, dropped: 3 });
  t.same(faultsOf(kv), []);
  const none = setUp({ maxBytes: 0 });
  none.logs.addRun(handed);
  t.same(none.messages(1), []);
});
