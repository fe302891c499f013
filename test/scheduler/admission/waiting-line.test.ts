/** The order of the line: priority, then turns of types, then turns of groups; limits of groups, and rates. */
import t from 'tap';
import { parseRate, type Rate } from '../../../src/domain/control/rate.js';
import type { TypeLimits } from '../../../src/domain/control/settings.js';
import { Places } from '../../../src/scheduler/admission/places.js';
import { type WaitingJob, WaitingLine } from '../../../src/scheduler/admission/waiting-line.js';

const unbounded = Number.POSITIVE_INFINITY;

/** A line whose limits and time a test sets. */
class Line {
  limits: Partial<TypeLimits> = {};
  now = 0;
  edition = 0;
  readonly line = new WaitingLine(
    {
      placesOf: () => unbounded,
      termsOf: () => ({
        paused: false,
        hasGroups: true,
        limits: { concurrency: unbounded, groupConcurrency: unbounded, rate: undefined, ...this.limits },
      }),
      edition: () => this.edition,
      pendingOf: () => 0,
    },
    () => this.now,
    new Places(),
  );
  #seq = 0;

  constructor(limits: Partial<TypeLimits> = {}) {
    this.limits = limits;
  }

  set(limits: Partial<TypeLimits>): void {
    this.limits = limits;
    this.edition++;
    this.line.refresh();
  }

  push(name: string, group?: string, more: Partial<WaitingJob> = {}): void {
    const seq = ++this.#seq;
    this.line.push({ due: seq, seq, name, group, priority: 0, suspect: false, ...more });
  }

  /** Starts the next job; `type` or `type/group` of it. */
  start(suspect = false): string | undefined {
    const job = this.line.take(suspect);
    if (!job) return undefined;
    this.line.occupy(job, false);
    return job.group === undefined ? job.name : `${job.name}/${job.group}`;
  }

  starts(count: number): (string | undefined)[] {
    return Array.from({ length: count }, () => this.start());
  }
}

t.test('groups of a type take turns, and those without one are together one', async (t) => {
  const line = new Line();
  for (let i = 0; i < 3; i++) line.push('a');
  for (let i = 0; i < 3; i++) line.push('a', 'x');
  line.push('a', 'y');
  t.same(line.starts(8), ['a', 'a/x', 'a/y', 'a', 'a/x', 'a', 'a/x', undefined]);
});

t.test('a group that comes while others wait has its turn after each of them has had one more', async (t) => {
  const line = new Line();
  for (let i = 0; i < 3; i++) for (const group of ['x', 'y']) line.push('a', group);
  t.same(line.starts(1), ['a/x']);
  line.push('a', 'z');
  t.same(line.starts(6), ['a/y', 'a/x', 'a/z', 'a/y', 'a/x', 'a/y']);
});

t.test('types take turns, whatever their groups', async (t) => {
  const line = new Line();
  for (let i = 0; i < 4; i++) line.push('flood', i % 2 ? 'x' : 'y');
  for (let i = 0; i < 2; i++) line.push('few');
  t.same(line.starts(6), ['flood/y', 'few', 'flood/x', 'few', 'flood/y', 'flood/x']);
});

t.test('priority goes before the turns', async (t) => {
  const line = new Line();
  line.push('a', 'x', { priority: 1 });
  line.push('a', 'x', { priority: 1 });
  line.push('a', 'y');
  line.push('b');
  t.same(line.starts(4), ['a/x', 'a/x', 'b', 'a/y']);
});

t.test('a job that was taken and does not start costs its group no turn', async (t) => {
  const line = new Line();
  line.push('a', 'x');
  line.push('a', 'y');
  const taken = line.line.take(false) as WaitingJob;
  t.equal(taken.group, 'x');
  line.line.push(taken, true);
  t.same(line.starts(2), ['a/x', 'a/y']);
});

t.test('a group at its limit waits, and others go on', async (t) => {
  const line = new Line({ groupConcurrency: 1 });
  for (let i = 0; i < 3; i++) line.push('a', 'x');
  line.push('a');
  line.push('a');
  t.equal(line.line.startable(0), 2, 'one of each group');
  t.same(line.starts(3), ['a/x', 'a', undefined]);
  t.equal(line.line.startable(0), 0);
  line.line.vacate({ seq: 0, name: 'a', group: 'x' });
  t.same(line.starts(2), ['a/x', undefined]);
  line.line.vacate({ seq: 0, name: 'a', group: undefined });
  t.same(line.starts(2), ['a', undefined]);
  line.set({ groupConcurrency: 2 });
  t.same(line.starts(2), ['a/x', undefined], 'a limit that is raised holds at once');
  line.set({ groupConcurrency: 1 });
  line.push('a', 'x');
  line.line.vacate({ seq: 0, name: 'a', group: 'x' });
  t.equal(line.start(), undefined, 'one that is lowered stops nothing, and lets nothing start');
  line.line.vacate({ seq: 0, name: 'a', group: 'x' });
  t.equal(line.start(), 'a/x');
});

t.test('a group at its limit does not keep lower priorities waiting', async (t) => {
  const line = new Line({ groupConcurrency: 1 });
  line.push('a', 'x', { priority: 5 });
  line.push('a', 'x', { priority: 5 });
  line.push('a', 'y');
  t.same(line.starts(3), ['a/x', 'a/y', undefined]);
  line.line.vacate({ seq: 0, name: 'a', group: 'x' });
  t.equal(line.start(), 'a/x');
});

t.test('suspects take turns by their groups as well', async (t) => {
  const line = new Line();
  for (let i = 0; i < 2; i++) line.push('a', 'x', { suspect: true });
  line.push('a', 'y', { suspect: true });
  t.same([line.start(true), line.start(true), line.start(true)], ['a/x', 'a/y', 'a/x']);
  t.equal(line.line.suspects, 0);
});

t.test('a rate spreads starts from the beginning on', async (t) => {
  const line = new Line({ rate: parseRate('10/1s') as Rate });
  for (let i = 0; i < 5; i++) line.push('a');
  const starts: number[] = [];
  for (; line.now < 600; line.now++) {
    line.line.refresh();
    if (line.start() !== undefined) starts.push(line.now);
    else t.ok(line.line.nextByRate > line.now || starts.length === 5);
  }
  t.same(starts.length, 5);
  for (const [i, at] of starts.entries()) t.ok(at >= 100 * (i + 1) && at <= 103 * (i + 1), `${at}`);
  t.equal(line.line.nextByRate, unbounded, 'nobody waits for it any more');
});

t.test('with a start that is being written the next one waits until that has left', async (t) => {
  const line = new Line({ rate: parseRate('10/1s') as Rate });
  line.push('a');
  line.push('a');
  line.now = 1000;
  line.line.refresh();
  line.line.occupy(line.line.take(false) as WaitingJob, true);
  line.now = 5000;
  line.line.refresh();
  t.equal(line.start(), undefined);
  line.line.left('a');
  t.equal(line.start(), undefined);
  line.now = 5101;
  line.line.refresh();
  t.equal(line.start(), 'a');
});

t.test('another rate goes on from the last start', async (t) => {
  const line = new Line({ rate: parseRate('1/24h') as Rate });
  for (let i = 0; i < 3; i++) line.push('a');
  line.now = 25 * 3_600_000;
  line.line.refresh();
  t.equal(line.start(), 'a');
  line.set({ rate: parseRate('1/1s') as Rate });
  t.equal(line.start(), undefined);
  line.now += 1010;
  line.line.refresh();
  t.equal(line.start(), 'a');
  line.set({});
  t.equal(line.start(), 'a', 'without a rate nothing waits for it');
});

t.test('ten thousand groups cost as ten', async (t) => {
  const line = new Line();
  for (let i = 0; i < 20_000; i++) line.push('a', `g${i % 10_000}`);
  const first = line.starts(10_000);
  t.equal(new Set(first).size, 10_000, 'each has had one turn');
  t.equal(line.start(), 'a/g0');
});

t.test('what has moved on is no longer known, nor is it more than once', async (t) => {
  const { line } = new Line();
  const push = (seq: number): void =>
    line.push({ due: seq, seq, name: 'a', group: undefined, priority: 0, suspect: false });
  push(1);
  push(2);
  push(2);
  t.ok(line.isFair(0, 1, 2));
  t.notOk(line.isFair(0, 1, 3));
  t.equal(line.startable(0), 2);
  line.changed(1, 'a');
  t.notOk(line.isFair(0, 1, 2));
  t.equal(line.startable(0), 1);
  push(1);
  t.ok(line.isFair(0, 1, 2));
});
