/** How long the last runs of a schedule took and how late they began. Asked for the rows on the screen alone, few at a time. */
import { useEffect, useState } from 'preact/hooks';
import { type Listed, listRuns, type Run } from '../state/api.js';
import { duration } from '../state/format.js';
import { isAbsent } from '../state/load.js';
import { Bars } from './job-runs.js';

const shownRuns = 10;
const mostKept = 300;
/** A schedule that runs each second is not asked about each second. */
const leastMs = 10_000;
const atOnce = 2;
const neverRan = '0 0 undefined';

interface Known {
  /** Of the job when it was asked: another one means that more has run. */
  readonly mark: string;
  readonly at: number;
  readonly runs: readonly Run[];
}

const known = new Map<string, Known>();
/** Those whose turn has not come, and what begins it. */
const waiting = new Set<() => void>();
let asking = 0;

/** A turn, unless it is given up before it comes. */
async function turn(signal: AbortSignal): Promise<void> {
  if (asking >= atOnce)
    await new Promise<void>((resolve) => {
      waiting.add(resolve);
      signal.addEventListener('abort', () => {
        waiting.delete(resolve);
        resolve();
      });
    });
  signal.throwIfAborted();
  asking += 1;
}

function over(): void {
  asking -= 1;
  for (const next of waiting) {
    waiting.delete(next);
    return next();
  }
}

async function ask(id: string, mark: string, signal: AbortSignal): Promise<void> {
  await turn(signal);
  try {
    const { items } = await listRuns(id, { limit: shownRuns }, signal);
    known.delete(id);
    known.set(id, { mark, at: performance.now(), runs: items });
    for (const oldest of known.keys()) if (known.size > mostKept) known.delete(oldest);
  } finally {
    over();
  }
}

export function LastRuns({ job }: { readonly job: Listed }) {
  const { id } = job;
  const [, draw] = useState(0);
  const mark = `${job.run_count ?? 0} ${job.skipped_count ?? 0} ${job.last_outcome}`;
  useEffect(() => {
    const before = known.get(id);
    if (before?.mark === mark || mark === neverRan) return;
    const stop = new AbortController();
    const timer = setTimeout(
      () =>
        ask(id, mark, stop.signal).then(
          () => draw((old) => old + 1),
          // The row says what else is known of it; the job's own screen says what is wrong.
          (error) => isAbsent(error) && known.set(id, { mark, at: performance.now(), runs: [] }),
        ),
      before === undefined ? 0 : Math.max(0, before.at + leastMs - performance.now()),
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [id, mark]);
  const runs = known.get(id)?.runs ?? [];
  const timed = runs.filter(({ duration_ms: ms }) => ms !== undefined);
  const [last] = timed;
  if (last === undefined) return <span class="faint">–</span>;
  const late = Math.max(0, ...timed.map(({ lateness_ms: ms }) => ms ?? 0));
  const longest = Math.max(0, ...timed.map(({ duration_ms: ms }) => ms as number));
  return (
    <span
      class="last-runs"
      title={`The last ${timed.length}: took at most ${duration(longest)}, began at most ${duration(late)} late`}
    >
      <Bars runs={runs} height={22} width={4} least={1} />
      <span>
        {duration(last.duration_ms as number)}
        <small>{duration(last.lateness_ms ?? 0)} late</small>
      </span>
    </span>
  );
}
