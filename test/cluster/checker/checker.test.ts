/** The checker of histories: it finds nothing in what is right, and each kind of violation that is planted there. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { Random } from '../../simulation/random.js';
import { check, promises, report } from './check.js';
import { type Line, parseLines } from './lines.js';
import { madeUp } from './made-up.js';
import { Place } from './place.js';
import { faults } from './planted.js';

const seeds = fc.integer({ min: 1, max: 1e9 });
const written = (lines: readonly Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

t.test('nothing is wrong with what is right, in whatever order it was written', async (t) => {
  fc.assert(
    fc.property(seeds, fc.boolean(), (seed, reversed) => {
      const lines = madeUp(seed);
      const { violations } = check(parseLines(written(reversed ? lines.reverse() : lines)));
      if (violations.length > 0) throw new Error(violations.map(({ what }) => what).join('\n'));
    }),
    { numRuns: 200 },
  );
  const { counts } = check(madeUp(1, 200));
  t.ok(counts.unknown > 5 && counts.attempts > 200 && counts.events > 500, report(check(madeUp(1, 200))));
  t.equal(counts.shards, 3);
});

for (const [name, { promise, plant }] of Object.entries(faults)) {
  t.test(`planted: ${name}`, async (t) => {
    let planted = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const lines = plant(madeUp(seed), new Random(seed));
        fc.pre(lines !== undefined);
        planted++;
        const { violations } = check(lines!);
        return violations.some((violation) => violation.promise === promise);
      }),
      { numRuns: 50 },
    );
    t.ok(planted >= 50, `${planted} histories`);
  });
}

t.test('each promise has a planted violation', async (t) => {
  t.same(new Set(Object.values(faults).map(({ promise }) => promise)), new Set(Object.keys(promises)));
});

t.test(
  'an attempt just after a stop of its node may begin beside another, and its outcome may not count',
  async (t) => {
    const lines = madeUp(7);
    const parent = lines.find((line) => line.line === 'found' && line.job.status === 'success');
    if (parent?.line !== 'found') throw new Error('there is a success');
    const { at, job } = parent;
    const late = {
      line: 'began',
      at: at + 12,
      wall: Date.parse(job.updated_at) + 5_000,
      node: 'stopped',
      attempt: 'late',
      job: job.id,
      number: 1,
      scheduledFor: Date.parse(job.trigger_at),
    } as const satisfies Line;
    const stop = [
      { line: 'node', at: at + 1, node: 'stopped', what: 'stopped' },
      { line: 'node', at: at + 11, node: 'stopped', what: 'continued' },
    ] as const satisfies Line[];
    t.same(check([...lines, late, ...stop]).violations, []);
    t.equal(check([...lines, late, ...stop]).counts.excused, 1);
    t.match(check([...lines, late]).violations, [{ promise: 'once' }], 'without the stop it is a violation');
    const afterwards = { ...late, at: at + 2_000 };
    t.match(check([...lines, afterwards, ...stop]).violations, [{ promise: 'once' }], 'and a second after it too');
  },
);

t.test('what is no history is refused with its place', async (t) => {
  t.throws(() => parseLines('{"line":"complete","at":1}\n{"line":'), /history:2 is not JSON/);
  t.throws(() => parseLines('[]'), /history:1: "line" must be one of asked, told/);
  t.throws(() => parseLines('null', 'f'), /f:1: "line" must be/);
  t.throws(() => parseLines('{"line":"asked"}'), /"at" must be a number/);
  t.throws(() => parseLines('{"line":"told","at":1,"request":"r"}'), /a line "told" must have "status"/);
  t.throws(() => check([]), /no line "complete"/);
});

t.test('the program', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'escapement-checker-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const run = (...files: string[]) => {
    const cli = fileURLToPath(new URL('cli.js', import.meta.url));
    return spawnSync(process.execPath, [cli, ...files], { encoding: 'utf8', timeout: 30_000 });
  };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const lines = madeUp(3, 100);
  const halves = [file('a', written(lines.slice(0, 300))), file('b', written(lines.slice(300)))];
  const right = run(...halves);
  t.equal(right.status, 0, right.stdout + right.stderr);
  t.match(right.stdout, /^ok +What was acknowledged is there\.\n(ok .*\n){8}\d+ requests/);
  const lost = faults['an acknowledged job is gone']!.plant(lines, new Random(1))!;
  const wrong = run(file('wrong', written(lost)));
  t.equal(wrong.status, 1);
  t.match(wrong.stdout, /^WRONG {2}What was acknowledged is there\.\n +job_\d+ was acknowledged by request/);
  t.match(run(file('none', 'x')), { status: 2, stderr: /none:1 is not JSON/ });
  t.match(run(join(folder, 'absent')), { status: 2, stderr: /ENOENT/ });
});

t.test('a subscriber resumes at one number, or at one of each shard', async (t) => {
  const one = new Place({ type: 'subscribed', seq: 7 });
  one.take({ type: 'job.started', seq: 8 });
  t.equal(one.since, 8);
  t.notOk(one.hasReached(new Place({ type: 'subscribed', seq: 9 })));
  t.ok(one.hasReached(new Place({ type: 'subscribed', seq: 8 })));
  const several = new Place({ type: 'subscribed', cursor: '0-17.3-4' });
  several.take({ type: 'job.started', seq: 18, shard: 0 });
  several.take({ type: 'job.started', seq: 5, shard: 1, epoch: 4 });
  t.equal(several.since, '0-18.4-5');
  t.notOk(several.hasReached(new Place({ type: 'subscribed', cursor: '0-18.4-6' })));
  t.ok(several.hasReached(new Place({ type: 'subscribed', cursor: '0-18.4-5' })));
});
