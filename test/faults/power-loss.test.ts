/**
 * F2: power loss. What a disk surely has is what was flushed; everything else may be there or not. The server's writes
 * are recorded call by call, and from them
 *
 * - each answer that tells of a change is held against the write to the journal and the flush that it rests on, and
 * - disks are made up as they may look after the power went at any moment, and a server is started on each.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LmdbKv } from '../../src/store/kv/kv-lmdb.js';
import { readMark } from '../../src/store/trees/merge-mark.js';
import { Client, eventually, type Job } from '../support/client.js';
import { each, full, merged, mergesOften, missing, needs, trace } from '../support/faults.js';
import { bytesOf, type Call, readCalls } from '../support/faults-strace.js';
import { startServer, temporary } from '../support/server.js';

t.setTimeout(240_000);

const watched = 'fdatasync,fsync,pwrite64,pwritev,writev,write,sendto,recvfrom,lseek,ftruncate';
const names = ['data.mdb', 'journal'] as const;
type Name = (typeof names)[number];

interface DataWrite {
  readonly kind: 'write';
  readonly file: Name;
  readonly at: number;
  readonly bytes: Buffer;
  /** The call itself returned only when the bytes were on disk (O_DSYNC). */
  readonly synchronous: boolean;
}
type Step =
  | DataWrite
  | { readonly kind: 'flush'; readonly file: Name }
  /** A request that names a job in its path has come. */
  | { readonly kind: 'asked'; readonly id: string }
  /** An answer of 200 or 201 has the job in it. */
  | { readonly kind: 'told'; readonly id: string };

/** Everything that bears on durability, in the order in which it began (writes, answers) or was through (flushes). */
function stepsOf(calls: readonly Call[], files: ReadonlyMap<number, Opened>): Step[] {
  const steps: Step[] = [];
  const position = new Map<number, number>();
  for (const { name, args, result } of calls) {
    const fd = Number(/^\d+/.exec(args)?.[0]);
    const file = files.get(fd);
    if (name === 'sendto' || name === 'write') {
      const text = bytesOf(args).toString('latin1');
      if (!/HTTP\/1\.1 20[01] /.test(text)) continue;
      for (const [, id] of text.matchAll(/"id":"(job_\w+)"/g)) steps.push({ kind: 'told', id: id! });
    }
    if (name === 'recvfrom') {
      const [, id] = /^(?:DELETE|POST) \/api\/v1\/jobs\/(job_\w+)/.exec(bytesOf(args).toString('latin1')) ?? [];
      if (id !== undefined) steps.push({ kind: 'asked', id });
    }
    if (file === undefined) continue;
    const { synchronous, name: of } = file;
    if (name === 'lseek') position.set(fd, result);
    else if (name === 'fdatasync' || name === 'fsync') steps.push({ kind: 'flush', file: of });
    else if (name === 'pwrite64' || name === 'pwritev') {
      const at = Number(/, (\d+)$/.exec(args)?.[1]);
      steps.push({ kind: 'write', file: of, at, bytes: bytesOf(args), synchronous });
    } else if (name === 'writev') {
      const bytes = bytesOf(args);
      const at = position.get(fd);
      if (at === undefined) throw new Error('a writev without a place');
      steps.push({ kind: 'write', file: of, at, bytes, synchronous });
      position.set(fd, at + bytes.length);
    }
  }
  return steps;
}

/** A job of which a change is marked in the payload. */
interface Marked {
  readonly id: string;
  readonly n: number;
  /** It is the second change that is answered. */
  readonly again?: boolean;
}

function idsTold(steps: readonly Step[]): Set<string> {
  return new Set(steps.flatMap((step) => (step.kind === 'told' ? [step.id] : [])));
}

interface Opened {
  readonly name: Name;
  readonly synchronous: boolean;
}

/** The server's descriptors of its data file and its journal. */
function openFiles(pid: number, dataDir: string): Map<number, Opened> {
  const files = new Map<number, Opened>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
    const name = names.find((each) => path === join(dataDir, each));
    if (name === undefined) continue;
    const flags = Number.parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))![1]!, 8);
    const dsync = 0o10000;
    files.set(Number(fd), { name, synchronous: (flags & dsync) !== 0 });
  }
  return files;
}

t.test('F2: an acknowledgement follows the flush of the journal that covers it', needs('strace'), async (t) => {
  const server = await startServer({ args: mergesOften });
  const api = new Client(server);
  await api.create({ name: 'noop', delay: '1h' });
  const files = openFiles(server.pid, server.dataDir);
  t.same(new Set(Array.from(files.values(), ({ name }) => name)), new Set(names), 'both files are open');
  const tracer = await trace(server, ['-xx', '-s', '2097152', '-e', `trace=${watched}`]);
  const from = new Map(names.map((name) => [name, readFileSync(join(server.dataDir, name))]));

  const jobs: Job[] = [];
  const marker = (n: number) => `marker-${String(n).padStart(6, '0')}-`;
  await each(
    Array.from({ length: full ? 2000 : 200 }, (_, n) => n),
    async (n) => {
      const payload = { n, text: marker(n).repeat(1 + (n % 40)) };
      jobs[n] = await api.create({ name: 'noop', delay: '1h', payload });
    },
    8,
  );
  const marked = jobs.map(({ id }, n): Marked => ({ id, n }));
  // A list, all or nothing.
  const list = Array.from({ length: 20 }, (_, i) => marked.length + i);
  const made = await api.post<{ items: Job[] }>(
    '/jobs/batch',
    list.map((n) => ({ name: 'noop', delay: '1h', payload: { n, text: marker(n) } })),
  );
  t.equal(made.status, 201);
  made.body.items.forEach(({ id }, i) => marked.push({ id, n: list[i]! }));
  // Changes: the answer to these is the second that tells of the job.
  for (const { id } of jobs.slice(0, 10)) {
    const n = marked.length;
    t.equal((await api.put(`/jobs/${id}`, { payload: { n, text: marker(n) } })).status, 200);
    marked.push({ id, n, again: true });
  }
  // Cancellations and retries, one by one: nothing else is written meanwhile.
  const changed = jobs.slice(10, 20).map(({ id }) => id);
  for (const id of changed) {
    t.equal((await api.delete(`/jobs/${id}`)).status, 200);
  }
  const failing = await api.create({ name: 'fail', delay: '0s', max_retries: 0 });
  await api.until(failing.id, 'failed');
  t.equal((await api.post(`/jobs/${failing.id}/retry`)).status, 200);
  await merged(server, api);
  for (let i = 0; i < 20; i++) await api.create({ name: 'noop', delay: '1h' });
  // A kill may come between an answer and its line in the trace, when the machine is busy.
  await eventually(
    () => {
      const told = idsTold(stepsOf(readCalls(tracer.text()), files));
      return jobs.every(({ id }) => told.has(id));
    },
    'the trace has the answers',
    60_000,
  );
  await server.kill();
  await tracer.stop();
  const steps = stepsOf(readCalls(tracer.text()), files);
  const kv = new LmdbKv(server.dataDir);
  t.ok(readMark(kv).position > jobs.length / 8, 'the trees were brought up to date meanwhile');
  await kv.close();

  t.test('in the order of calls', async (t) => {
    const uncovered: string[] = [];
    for (const { id, n, again } of marked) {
      const entry = steps.findIndex((step) => inJournal(step) && step.bytes.includes(marker(n)));
      const flush = steps.findIndex((step, i) => i > entry && step.kind === 'flush' && step.file === 'journal');
      const answers = steps.flatMap((step, i) => (step.kind === 'told' && step.id === id ? [i] : []));
      const answer = answers[again ? 1 : 0] ?? -1;
      if (entry < 0 || flush < 0 || answer < 0) uncovered.push(`${id}: not written, flushed and told`);
      else if (flush > answer) uncovered.push(`${id}: told before its entry was flushed`);
    }
    t.same(uncovered, [], `${marked.length} answers`);
  });

  t.test('cancellations and retries, from the request to the answer', async (t) => {
    const uncovered: string[] = [];
    for (const id of [...changed, failing.id]) {
      const asked = steps.findIndex((step) => step.kind === 'asked' && step.id === id);
      const told = steps.findIndex((step, i) => i > asked && step.kind === 'told' && step.id === id);
      const between = steps.slice(asked, told);
      const entry = between.findIndex(inJournal);
      const flush = between.findIndex((step, i) => i > entry && step.kind === 'flush' && step.file === 'journal');
      if (asked < 0 || told < 0 || entry < 0 || flush < 0)
        uncovered.push(`${id}: ${JSON.stringify({ asked, told, entry, flush })}`);
    }
    t.same(uncovered, []);
  });

  t.test('whatever the disk had of the rest', async (t) => {
    const cuts = full ? 60 : 10;
    // A fixed sequence, so that a failure can be repeated.
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48_271) % 0x7fff_ffff;
      return seed / 0x7fff_ffff;
    };
    for (let cut = 1; cut <= cuts; cut++) {
      const upTo = Math.floor((steps.length * cut) / cuts);
      const taken = steps.slice(0, upTo);
      const told = idsTold(steps.slice(0, upTo));
      const dataDir = join(temporary('disk'), 'store');
      mkdirSync(dataDir);
      cpSync(join(server.dataDir, 'escapement.json'), join(dataDir, 'escapement.json'));
      for (const name of names)
        writeFileSync(join(dataDir, name), diskAt(from.get(name) as Buffer, of(name, taken), random));
      const next = await startServer({ dataDir });
      t.same(await missing(new Client(next), told), [], `after ${upTo} calls: ${told.size} acknowledged, all there`);
      t.equal(await next.stop(), 0);
    }
  });
});

const inJournal = (step: Step): step is DataWrite => step.kind === 'write' && step.file === 'journal';

function of(name: Name, steps: readonly Step[]): Step[] {
  return steps.filter((step) => (step.kind === 'write' || step.kind === 'flush') && step.file === name);
}

/** A disk that lost its power: all that was flushed, and of the writes after the last flush each or not. */
function diskAt(before: Buffer, steps: readonly Step[], random: () => number): Buffer {
  let disk = Buffer.from(before);
  let unflushed: DataWrite[] = [];
  const put = ({ at, bytes }: DataWrite): void => {
    if (at + bytes.length > disk.length) disk = Buffer.concat([disk, Buffer.alloc(at + bytes.length - disk.length)]);
    bytes.copy(disk, at);
  };
  for (const step of steps) {
    if (step.kind === 'flush') {
      unflushed.forEach(put);
      unflushed = [];
    } else if (step.kind === 'write') {
      if (step.synchronous) put(step);
      else unflushed.push(step);
    }
  }
  for (const write of unflushed) {
    // Sectors, not calls, are what a disk writes in one piece.
    for (let at = 0; at < write.bytes.length; at += 512) {
      if (random() < 0.5) put({ ...write, at: write.at + at, bytes: write.bytes.subarray(at, at + 512) });
    }
  }
  return disk;
}
