/** Reports as Markdown: the tables of BENCHMARKS.md, every figure taken from a report. */
import type { Figures, Finding } from './bench.js';
import { type Report, showNumber } from './report.js';

const units: readonly (readonly [ending: string, unit: string])[] = [
  ['PerSecond', '/s'],
  ['Ms', 'ms'],
  ['MiB', 'MiB'],
  ['Seconds', 's'],
  ['Percent', '%'],
];

/** `p99Ms` as `p99, ms`; `perSecond` as `per second`. */
export function columnTitle(name: string): string {
  if (name === 'perSecond') return 'per second';
  const [ending, unit] = units.find(([end]) => name.endsWith(end)) ?? ['', ''];
  const words = name.slice(0, name.length - ending.length).replace(/^p999$/, 'p99.9');
  const title = words.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return unit === '' ? title : `${title}, ${unit}`;
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = titles.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(titles), line(rule), ...rows.map(line)].join('\n');
}

/** Findings that share their figures share a table. */
function groups(findings: readonly Finding[]): Finding[][] {
  const made: Finding[][] = [];
  for (const finding of findings) {
    const names = columns([finding]).join();
    const last = made.at(-1);
    if (last !== undefined && columns(last).join() === names) last.push(finding);
    else made.push([finding]);
  }
  return made;
}

function columns(findings: readonly Finding[]): string[] {
  const all = findings.flatMap(({ figures, ceiling }) => [
    ...Object.keys(figures),
    ...Object.keys(ceiling?.figures ?? {}),
  ]);
  return [...new Set(all)];
}

function cells(figures: Figures, names: readonly string[]): string[] {
  return names.map((name) => (figures[name] === undefined ? '' : showNumber(figures[name])));
}

/** Beside the ratio, the least and the greatest of the rounds, or of the runs. */
function showRatio({ ratio, ratios = [] }: Finding): string {
  if (ratio === undefined) return '';
  if (ratios.length < 2) return ratio.toFixed(2);
  return `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`;
}

function findingTable(findings: readonly Finding[]): string {
  const names = columns(findings);
  const withRatio = findings.some(({ ratio }) => ratio !== undefined);
  const rows = findings.flatMap((finding) => {
    const { what, figures, ceiling } = finding;
    const own = [what, ...cells(figures, names)];
    if (withRatio) own.push(showRatio(finding));
    if (ceiling === undefined) return [own];
    const above = [`*ceiling: ${ceiling.what}*`, ...cells(ceiling.figures, names)];
    if (withRatio) above.push('');
    return [own, above];
  });
  return table(['', ...names.map(columnTitle), ...(withRatio ? ['ratio'] : [])], rows);
}

/** What was asked for and whether it was reached. */
function asked(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ what, must = [] }) =>
    must.map(({ reached, what: bound, got }) =>
      reached ? `- reached: ${what}, ${bound}` : `- **missed**: ${what}, ${bound}: ${showNumber(got)}`,
    ),
  );
}

/** The machine, the commit and the command. */
export function origin({ facts, at, command, size, seconds }: Report): string {
  const { cpu, cores, memoryGiB, kernel, fileSystem, node, commit, load } = facts;
  const smoke = size === 'small' ? ' Small size: a smoke test, not a measurement.' : '';
  const shared = load > 0.5 * cores ? ` The machine was busy with other work (load ${load}).` : '';
  return (
    `\`${command}\`, ${at.slice(0, 10)}, commit ${commit}, ${Math.round(seconds)} s; ` +
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${fileSystem}, ${kernel}, Node ${node}.${smoke}${shared}`
  );
}

/** What an acknowledgement is worth, where queues are compared. */
function promises(findings: readonly (Finding & { readonly promise?: string })[]): string[] {
  return findings.flatMap(({ what, promise }) =>
    promise === undefined ? [] : [`- ${what}: acknowledged means ${promise}.`],
  );
}

export function renderReport(report: Report): string {
  const parts = groups(report.findings).map(findingTable);
  const bounds = [...promises(report.findings), ...asked(report.findings)];
  if (bounds.length > 0) parts.push(bounds.join('\n'));
  const notes = [
    ...report.skipped.map((why) => `- left out: ${why}`),
    ...report.errors.map((error) => `- **wrong**: ${error}`),
  ];
  if (notes.length > 0) parts.push(notes.join('\n'));
  return [...parts, origin(report)].join('\n\n');
}
