/** Rates and lateness over time, by `GET /history`. */
import { useMemo } from 'preact/hooks';
import type { HistoryPoint } from '../../../src/client/client.js';
import { getHistory } from '../state/api.js';
import { compact, duration, perSecond } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { place, setParams } from '../state/router.js';
import { Failed, Segments } from '../ui/basics.js';
import { Chart } from '../ui/chart.js';

const spans = { '15m': [900, '10s', 10], '3h': [10_800, '10s', 10], '7d': [604_800, '5m', 300] } as const;
type Span = keyof typeof spans;

export function Charts() {
  const asked = place.value.params.span as Span | undefined;
  const span: Span = asked !== undefined && asked in spans ? asked : '15m';
  const [seconds, step, stepSeconds] = spans[span];
  const history = useLoad(
    `history ${span}`,
    async (signal) => {
      const to = Date.now();
      const from = new Date(to - seconds * 1000).toISOString();
      return { to: to / 1000, ...(await getHistory({ from, step }, signal)) };
    },
    { live: false, every: Math.max(5000, (stepSeconds * 1000) / 5) },
  );
  const to = history.data?.to ?? Date.now() / 1000;
  const items = history.data?.items;
  const drawn = useMemo(() => draw(items ?? [], stepSeconds), [items, stepSeconds]);
  const common = { times: drawn.times, from: to - seconds, to };
  return (
    <section class="charts" aria-label="Over time">
      <Segments
        label="Span"
        value={span}
        options={[
          ['15m', '15 min'],
          ['3h', '3 hours'],
          ['7d', '7 days'],
        ]}
        onChange={(value) => setParams({ span: value === '15m' ? undefined : value })}
      />
      {history.error && items === undefined && <Failed error={history.error} retry={history.reload} />}
      <Chart
        label="Per second"
        {...common}
        format={perSecond}
        axis={compact}
        lines={[
          { name: 'started', colour: '--running', values: drawn.started },
          { name: 'succeeded', colour: '--success', values: drawn.succeeded, fill: true },
          { name: 'failed', colour: '--failed', values: drawn.failed },
        ]}
      />
      <Chart
        label="Lateness"
        {...common}
        log
        format={duration}
        axis={axisDuration}
        lines={[
          { name: 'p50', colour: '--accent', values: drawn.p50 },
          { name: 'p99', colour: '--pending', values: drawn.p99 },
        ]}
      />
    </section>
  );
}

const axisDuration = (ms: number): string => (ms < 1000 ? `${Number(ms.toFixed(1))} ms` : `${Math.round(ms / 1000)} s`);

type Drawn = Readonly<Record<'started' | 'succeeded' | 'failed' | 'p50' | 'p99', readonly (number | null)[]>> & {
  readonly times: readonly number[];
};

/** Where points are missing the server did not run: the line has a gap there. */
function draw(items: readonly HistoryPoint[], step: number): Drawn {
  const rows: (readonly [number, HistoryPoint | undefined])[] = [];
  for (const item of items) {
    const at = Date.parse(item.at) / 1000;
    const last = rows.at(-1);
    if (last && at - last[0] > step * 1.5) rows.push([last[0] + step, undefined]);
    rows.push([at, item]);
  }
  const per = (name: 'started' | 'succeeded' | 'failed') => rows.map(([, item]) => (item ? item[name] / step : null));
  return {
    times: rows.map(([at]) => at),
    started: per('started'),
    succeeded: per('succeeded'),
    failed: per('failed'),
    p50: rows.map(([, item]) => item?.lateness_p50_ms ?? null),
    p99: rows.map(([, item]) => item?.lateness_p99_ms ?? null),
  };
}
