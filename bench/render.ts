/**
 * Writes the figures into BENCHMARKS.md: what stands between `<!-- bench:NAME -->` and `<!-- /bench -->` is made from
 * `bench/results/NAME.json`, or from the small run where there is no full one. No figure there is written by hand.
 *
 *     node dist/bench/render.js            rewrites BENCHMARKS.md
 *     node dist/bench/render.js --check    exits with 1 if that would change it
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderReport } from './support/markdown.js';
import { root } from './support/processes.js';
import { type Report, resultFile } from './support/report.js';

const marked = /(<!-- bench:([a-z-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g;

/** The full run of a bench, else the small one; undefined when it has not been run. */
export function readReport(bench: string): Report | undefined {
  const file = (['full', 'small'] as const).map((size) => resultFile(bench, size)).find((path) => existsSync(path));
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as Report);
}

/** The document with its figures brought up to the reports. */
export function withFigures(document: string, reportOf: (bench: string) => Report | undefined): string {
  return document.replace(marked, (_, begin: string, bench: string, end: string) => {
    const report = reportOf(bench);
    return `${begin}\n${report === undefined ? 'Not measured yet.' : renderReport(report)}\n\n${end}`;
  });
}

if (process.argv[1]?.endsWith('render.js')) {
  const file = join(root, 'BENCHMARKS.md');
  const before = readFileSync(file, 'utf8');
  const after = withFigures(before, readReport);
  if (process.argv.includes('--check')) process.exitCode = after === before ? 0 : 1;
  else if (after !== before) writeFileSync(file, after);
}
