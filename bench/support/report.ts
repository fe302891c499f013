/** Findings as lines for people and as JSON for `bench/results`, from which every published figure is taken. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figures, Finding, Size } from './bench.js';
import type { Facts } from './facts.js';
import { root } from './processes.js';

/** A file of `bench/results`. */
export interface Report {
  readonly bench: string;
  readonly question: string;
  readonly size: Size;
  /** The command that does the same again. */
  readonly command: string;
  /** How often; figures are then medians over the runs, ratios one for each. Older reports do not say: once. */
  readonly runs?: number;
  readonly at: string;
  readonly seconds: number;
  readonly facts: Facts;
  readonly plan: unknown;
  readonly findings: readonly Finding[];
  readonly skipped: readonly string[];
  readonly errors: readonly string[];
}

export const resultsDir = join(root, 'bench/results');

/** Full runs are kept in the repository, small ones beside them in a folder of their own. */
export function resultFile(bench: string, size: Size): string {
  return join(resultsDir, size === 'full' ? `${bench}.json` : `small/${bench}.json`);
}

export function writeReport(report: Report): void {
  const file = resultFile(report.bench, report.size);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `${JSON.stringify(rounded(report), null, 2)}\n`);
}

/** Five digits are more than any of these figures has. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
}

const units: readonly (readonly [ending: string, unit: string])[] = [
  ['PerSecond', '/s'],
  ['Ms', ' ms'],
  ['MiB', ' MiB'],
  ['Seconds', ' s'],
  ['Percent', ' %'],
];

/** `p99Ms: 3.2` as `p99 3.2 ms`; `perSecond` as a bare rate. */
export function showFigure(name: string, value: number): string {
  const text = showNumber(value);
  if (name === 'perSecond') return `${text}/s`;
  for (const [ending, unit] of units) {
    if (name.endsWith(ending)) return `${words(name.slice(0, -ending.length))} ${text}${unit}`;
  }
  return `${words(name)} ${text}`;
}

export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

/** `p999` is how names write 99.9. */
function words(name: string): string {
  return name.replace(/^p999$/, 'p99.9').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function showFigures(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => showFigure(name, value))
    .join(', ');
}

export function findingLines({ what, figures, ceiling, ratio, must = [] }: Finding): string[] {
  const lines = [`${what}: ${showFigures(figures)}`];
  if (ceiling) lines.push(`    ceiling, ${ceiling.what}: ${showFigures(ceiling.figures)}`);
  if (ratio !== undefined) lines.push(`    ratio ${ratio.toFixed(2)}`);
  for (const { what: bound, got, reached } of must)
    lines.push(`    ${reached ? 'reached' : 'MISSED '} ${bound}: ${showNumber(got)}`);
  return lines;
}
