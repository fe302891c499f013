/** The counts and failures that `npm test` reads from the output of a test file. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

interface Report {
  passed: number;
  failed: number;
  skipped: number;
  planned: boolean;
  failures: string[];
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const { readTap } = (await import(pathToFileURL(join(root, 'scripts/tap-report.mjs')).href)) as {
  readTap(output: string): Report;
};

t.test('points are counted, the lines that close a subtest are not', async (t) => {
  const report = readTap(`TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - a
        ok 2 - b
        1..2
    ok 1 - inner # time=1ms

    ok 2 - c # SKIP no root
    ok 3 - d # TODO
    1..3
ok 1 - outer # time=2ms

1..1
# { total: 4, pass: 2, skip: 1, todo: 1 }
`);
  t.same(report, { passed: 2, failed: 0, skipped: 2, planned: true, failures: [] });
});

t.test('a failure is shown with its diagnostics and its subtest, without what passed beside it', async (t) => {
  const report = readTap(`# Subtest: good
    ok 1 - a
    1..1
ok 1 - good
# Subtest: bad
    ok 1 - b
    not ok 2 - c
      ---
      diff: |
        ok 1 - inside a diagnostic nothing is counted
        not ok 2 - nor this
      ...
    printed
    1..2
not ok 2 - bad
1..2
`);
  t.match(report, { passed: 2, failed: 1, skipped: 0, planned: true });
  t.same(
    report.failures.map((line) => line.trim()),
    [
      '# Subtest: bad',
      'not ok 2 - c',
      '---',
      'diff: |',
      'ok 1 - inside a diagnostic nothing is counted',
      'not ok 2 - nor this',
      '...',
      'printed',
      'not ok 2 - bad',
    ],
  );
});

t.test('the diagnostics of a passing or pending point are dropped', async (t) => {
  const report = readTap('ok 1 - a\n  ---\n  x: 1\n  ...\nnot ok 2 - b # TODO later\n  ---\n  y: 1\n  ...\n1..2\n');
  t.same(report, { passed: 1, failed: 0, skipped: 1, planned: true, failures: [] });
});

t.test('output that stops in the middle is not planned, and shows where it stopped', async (t) => {
  const report = readTap('# Subtest: dies\n    ok 1 - a\n    last words\n');
  t.match(report, { passed: 1, failed: 0, planned: false });
  t.same(report.failures, ['# Subtest: dies', '    last words']);
});

t.test('a file that skips itself counts as one skipped, an empty one as nothing', async (t) => {
  t.match(readTap('1..0 # no linux here\n'), { passed: 0, skipped: 1, planned: true });
  t.match(readTap('1..0 # no tests found\n'), { passed: 0, skipped: 0, planned: true });
  t.match(readTap(''), { passed: 0, skipped: 0, planned: false });
});
