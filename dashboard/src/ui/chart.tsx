/** A chart over time. Its library is loaded when the first one is shown. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { clockTime, instant } from '../state/format.js';
import { isDark, theme } from './shell.js';

export interface Line {
  readonly name: string;
  /** A custom property of the style. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly fill?: boolean;
}

export interface ChartProps {
  readonly label: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** The same, with less room. */
  readonly axis: (value: number) => string;
  readonly from: number;
  readonly to: number;
  /** Powers of ten, for what spans many. */
  readonly log?: boolean;
  readonly height?: number;
}

export function Chart(props: ChartProps) {
  const { label, times, lines, format, from, to, height = 180 } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [at, setAt] = useState<number>();
  useEffect(() => {
    let gone = false;
    let watch: ResizeObserver | undefined;
    const element = host.current as HTMLDivElement;
    void import('uplot').then(({ default: Plot }) => {
      if (gone) return;
      const made = new Plot(options(Plot, latest, element, height, setAt), dataOf(latest.current), element);
      plot.current = made;
      watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
      watch.observe(element);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [height, props.log, lines.map(({ name }) => name).join(), theme.value, isDark.value]);
  useEffect(() => {
    plot.current?.setData(dataOf(props), false);
    plot.current?.setScale('x', { min: from, max: to });
  }, [times, lines, from, to]);
  const shown = at ?? lastKnown(lines, times.length);
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{label}</span>
        <span class="chart-legend">
          {lines.map(({ name, colour, values }) => {
            const value = values[shown] ?? null;
            return (
              <span key={name}>
                <i class="swatch" style={{ background: `var(${colour})` }} />
                {name} <b>{value === null ? '–' : format(value)}</b>
              </span>
            );
          })}
          <span class="faint chart-at">
            {at !== undefined && times[at] !== undefined && instant((times[at] as number) * 1000)}
          </span>
        </span>
      </figcaption>
      <div ref={host} class="chart-plot" style={{ height: `${height}px` }} />
    </figure>
  );
}

function lastKnown(lines: readonly Line[], length: number): number {
  for (let at = length - 1; at >= 0; at--) if (lines.some(({ values }) => (values[at] ?? null) !== null)) return at;
  return length - 1;
}

const dataOf = ({ times, lines, log }: ChartProps): uPlot.AlignedData =>
  [
    times,
    ...lines.map(({ values }) => (log ? values.map((value) => value && Math.max(value, 0.1)) : values)),
  ] as uPlot.AlignedData;

function options(
  Plot: typeof uPlot,
  latest: { readonly current: ChartProps },
  element: HTMLElement,
  height: number,
  setAt: (at: number | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = colourIn(element);
  const font = `11px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: colour('--faint'),
    font,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const { from, to, lines, log } = latest.current;
  return {
    width: element.clientWidth,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: false, y: false },
    },
    scales: {
      x: { min: from, max: to },
      y: log
        ? { distr: 3, range: (_plot, _min, max) => [0.1, Math.max(100, 10 ** Math.ceil(Math.log10(max || 1)))] }
        : { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        values: (_plot, splits) => splits.map((split) => axisTime(split, latest.current)),
        space: 70,
        size: 26,
      },
      {
        ...axis,
        ...(log && {
          splits: (_plot: uPlot, _axis: number, _min: number, max: number) => powers(max),
          // Left to itself it would take away those between the powers of a thousand.
          filter: (_plot: uPlot, splits: number[]) => splits,
        }),
        values: (_plot, splits) => splits.map((split) => (split === null ? '' : latest.current.axis(split))),
        size: 52,
        space: 34,
      },
    ],
    series: [
      {},
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.name,
          stroke: colour(line.colour),
          width: 1.5,
          points: { show: false },
          spanGaps: false,
          ...(line.fill && { fill: colour(line.colour).replace(/^rgb\((.*)\)$/, 'rgba($1, 0.1)') }),
          paths: Plot.paths.linear!(),
        }),
      ),
    ],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.idx ?? undefined)],
    },
  };
}

/** What a custom property of the style is here and now, in a form that canvases know. */
function colourIn(element: HTMLElement): (name: string) => string {
  return (name) => {
    const probe = document.createElement('span');
    probe.style.color = `var(${name})`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

/** Every second power of ten, from a tenth on. */
function powers(max: number): number[] {
  const list: number[] = [];
  for (let power = 0.1; power <= max * 1.001; power *= 10) list.push(power);
  return list.length > 5 ? list.filter((_, at) => at % 2 === 1) : list;
}

function axisTime(seconds: number, { from, to }: ChartProps): string {
  const span = to - from;
  const date = new Date(seconds * 1000);
  if (span > 2 * 86_400) return date.toLocaleDateString('en', { weekday: 'short', day: 'numeric' });
  return clockTime(seconds * 1000).slice(0, 5);
}
