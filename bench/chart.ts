/**
 * Draws docs/benchmarks.svg from the report of `bench/peers`: what Escapement and its peers did on one machine. Bars from
 * zero where more is better; lateness on a logarithmic axis, since it spans three orders of magnitude.
 *
 *     node dist/bench/chart.js
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readReport } from './render.js';
import type { Finding } from './support/bench.js';
import { root } from './support/processes.js';
import { type Report, showNumber } from './support/report.js';

interface Panel {
  readonly title: string;
  readonly figure: string;
  readonly unit: string;
  /** Decades instead of a linear axis. */
  readonly logarithmic: boolean;
}

const panels: readonly Panel[] = [
  { title: 'Jobs taken in per second, one per call', figure: 'enqueuePerSecond', unit: '/s', logarithmic: false },
  { title: 'No-op jobs run per second', figure: 'runPerSecond', unit: '/s', logarithmic: false },
  {
    title: 'Start after the due time, 99th percentile at 1,000 jobs a second (logarithmic, less is better)',
    figure: 'latenessP99Ms',
    unit: ' ms',
    logarithmic: true,
  },
];

const width = 860;
const labelWidth = 280;
const valueWidth = 90;
const rowHeight = 24;
const barHeight = 16;
const panelHead = 44;
const margin = 16;
/** Left end of the logarithmic axis, milliseconds. */
const leastMs = 0.1;

const style = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; }
    .small { font-size: 11px; fill: #57606a; }
    .bar { fill: #afb8c1; }
    .own { fill: #1f6feb; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9198a1; }
      .bar { fill: #57606a; }
      .own { fill: #4493f8; }
    }`;

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Share of the axis that a value takes, 0 to 1. */
function share(value: number, most: number, logarithmic: boolean): number {
  if (!logarithmic) return value / most;
  return Math.max(0, Math.log(value / leastMs) / Math.log(most / leastMs));
}

function drawPanel({ title, figure, unit, logarithmic }: Panel, findings: readonly Finding[], top: number): string {
  const known = findings.filter(({ figures }) => Number.isFinite(figures[figure]));
  const most = Math.max(...known.map(({ figures }) => figures[figure]!));
  const axis = width - 2 * margin - labelWidth - valueWidth;
  const left = margin + labelWidth;
  const rows = known.map(({ what, figures }, index) => {
    const value = figures[figure]!;
    const y = top + panelHead + index * rowHeight;
    const bar = Math.max(1, share(value, most, logarithmic) * axis);
    const own = what.startsWith('Escapement') ? ' own' : '';
    return [
      `  <text x="${left - 8}" y="${y + 12.5}" text-anchor="end">${escapeText(what)}</text>`,
      `  <rect class="bar${own}" x="${left}" y="${y}" width="${bar.toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `  <text x="${(left + bar + 6).toFixed(1)}" y="${y + 12.5}">${showNumber(value)}${unit}</text>`,
    ].join('\n');
  });
  return [`  <text class="title" x="${margin}" y="${top + 26}">${escapeText(title)}</text>`, ...rows].join('\n');
}

export function drawChart({ findings, facts, at, size }: Report): string {
  const panelHeight = panelHead + findings.length * rowHeight;
  const height = panels.length * panelHeight + 3 * margin;
  const { cpu, cores, memoryGiB, node, commit } = facts;
  const smoke = size === 'small' ? ', a smoke test at small size' : '';
  const note = `${cpu}, ${cores} cores, ${memoryGiB} GiB, client on the same machine; Node ${node}, commit ${commit}, ${at.slice(0, 10)}${smoke}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>Escapement beside other job queues on one machine</title>
  <style>${style}
  </style>
${panels.map((panel, index) => drawPanel(panel, findings, index * panelHeight)).join('\n')}
  <text class="small" x="${margin}" y="${height - margin}">${escapeText(note)}</text>
</svg>
`;
}

if (process.argv[1]?.endsWith('chart.js')) {
  const report = readReport('peers');
  if (report === undefined) {
    console.error('There is no report of the peers: run bench/peers first.');
    process.exit(1);
  }
  const file = join(root, 'docs/benchmarks.svg');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, drawChart(report));
}
