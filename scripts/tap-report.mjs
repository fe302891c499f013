/**
 * Reads what one test file printed (TAP 14, as node-tap writes it) and boils it down to counts and the failures in full.
 *
 * A *point* is an `ok` or `not ok` line. One that closes a `# Subtest` block stands for the block and is not counted;
 * every other one is.
 */

const SUBTEST = /^( *)# Subtest: /;
const POINT = /^( *)(not )?ok \d+(?: - (.*))?$/;
const DIRECTIVE = / # (SKIP|TODO)\b/i;
const PLAN = /^( *)1\.\.(\d+)(?: # (.*))?$/;
const NOISE = /^\s*(#.*|TAP version \d+|1\.\.\d+.*)?$/;

/**
 * @param {string} output the standard output of a test file
 * @returns {{ passed: number, failed: number, skipped: number, planned: boolean, failures: string[] }} `planned` tells
 *   that the file came to its own end; `failures` are the lines to show: failed points with their diagnostics, the
 *   subtests around them, and whatever else was printed in there
 */
export function readTap(output) {
  const report = { passed: 0, failed: 0, skipped: 0, planned: false, failures: [] };
  const blocks = [{ indent: -1, lines: report.failures }];
  const keep = (...lines) => blocks.at(-1).lines.push(...lines);
  let diagnostic; // { end, kept }: inside the YAML behind a point, nothing is a point
  let lastFailed = false;

  for (const line of output.split(/\r?\n/)) {
    if (diagnostic !== undefined) {
      if (diagnostic.kept) keep(line);
      if (line === diagnostic.end) diagnostic = undefined;
      continue;
    }
    if (/^ *---$/.test(line)) {
      diagnostic = { end: line.replace('---', '...'), kept: lastFailed };
      if (lastFailed) keep(line);
      continue;
    }
    lastFailed = false;

    const subtest = SUBTEST.exec(line);
    if (subtest) {
      blocks.push({ indent: subtest[1].length, lines: [line] });
      continue;
    }
    const point = POINT.exec(line);
    if (point) {
      const [, indent, not, text = ''] = point;
      const directive = DIRECTIVE.exec(text);
      const failed = not !== undefined && directive === null;
      if (blocks.at(-1).indent === indent.length) {
        const { lines } = blocks.pop();
        if (failed) keep(...lines, line);
        continue;
      }
      if (directive) report.skipped++;
      else if (failed) report.failed++;
      else report.passed++;
      lastFailed = failed;
      if (failed) keep(line);
      continue;
    }
    const plan = PLAN.exec(line);
    if (plan && plan[1] === '') {
      report.planned = true;
      if (plan[2] === '0' && /^(?!no tests found)/.test(plan[3] ?? 'no tests found')) report.skipped++;
    }
    if (!NOISE.test(line)) keep(line);
  }
  // Blocks still open belong to a process that died in them.
  while (blocks.length > 1) {
    const { lines } = blocks.pop();
    keep(...lines);
  }
  return report;
}
