/**
 * A list of jobs of any length: only what is on the screen is asked for and drawn. The page scrolls as if all were there; memory holds a
 * few pages.
 */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { type Listed, listJobs, listTypes } from '../state/api.js';
import { count } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { Empty, Failed, Waiting } from '../ui/basics.js';
import { useRange } from '../ui/range.js';
import { JobRow, ListHead } from './job-row.js';
import { FirstJob } from './overview.js';

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** All that match, not those alone that were seen. */
  readonly all: boolean;
}

export interface Selecting {
  readonly selection?: Selection;
  readonly onSelect?: (selection: Selection) => void;
}

export interface JobListProps extends Selecting {
  readonly filter: Readonly<Record<string, string>>;
  readonly order?: Readonly<Record<string, string>>;
  readonly row?: typeof JobRow;
  readonly head?: typeof ListHead;
  /** In place of a list without rows. */
  readonly none?: ComponentChildren;
  /** Its columns have other widths. */
  readonly kind?: 'schedules';
}

const pageRows = 50;
const keptPages = 8;
/** Browsers draw no element that is much higher. */
const mostPixels = 15_000_000;

const narrow = matchMedia('(max-width: 760px)');
const rowPixels = (): number => (narrow.matches ? 64 : 38);

export function JobList(props: JobListProps) {
  const { filter, order = {}, selection, onSelect, row: Row = JobRow, head: Head = ListHead, kind } = props;
  const pages = useRef(new Map<number, readonly Listed[]>());
  const [total, setTotal] = useState<number>();
  const range = useRange<HTMLTableSectionElement>((total ?? 0) > 0, rowPixels);
  const shown = Math.min(total ?? 0, Math.floor(mostPixels / range.height));
  const lastRow = Math.min(range.last, Math.max(0, shown - 1));
  const [from, to] = [Math.floor(range.first / pageRows), Math.floor(Math.max(range.first, lastRow) / pageRows)];
  const loaded = useLoad(`${JSON.stringify([filter, order])} ${from} ${to}`, async (signal) => {
    const wanted = Array.from({ length: to - from + 1 }, (_, at) => from + at);
    const answers = await Promise.all(
      wanted.map((page) => listJobs({ ...filter, ...order, limit: pageRows, offset: page * pageRows }, signal)),
    );
    for (const [at, { items }] of answers.entries()) {
      const page = wanted[at] as number;
      pages.current.delete(page);
      pages.current.set(page, items);
    }
    for (const page of pages.current.keys()) if (pages.current.size > keptPages) pages.current.delete(page);
    setTotal(answers[0]?.total ?? 0);
    return answers;
  });
  if (loaded.error && total === undefined) return <Failed error={loaded.error} retry={loaded.reload} />;
  if (total === undefined) return <Waiting lines={10} />;
  if (total === 0) return <>{props.none ?? <NoJobs filter={filter} />}</>;
  const rows: preact.ComponentChild[] = [];
  for (let at = range.first; at <= lastRow; at++) {
    const job = pages.current.get(Math.floor(at / pageRows))?.[at % pageRows];
    const style = { transform: `translateY(${at * range.height}px)`, height: `${range.height}px` };
    if (job)
      rows.push(
        <Row
          key={job.id}
          job={job}
          index={at}
          style={style}
          {...(selection && { selection })}
          {...(onSelect && { onSelect })}
        />,
      );
  }
  return (
    <>
      <table
        class={`list${selection ? ' selects' : ''}${kind ? ` is-${kind}` : ''}`}
        aria-label="Jobs"
        aria-rowcount={total + 1}
      >
        <Head />
        <tbody class="list-body" ref={range.list} style={{ height: `${shown * range.height}px` }}>
          {rows}
        </tbody>
      </table>
      {shown < total && <p class="quiet">The first {count(shown)} of them. Filters narrow them down.</p>}
    </>
  );
}

function NoJobs({ filter }: { readonly filter: Readonly<Record<string, string>> }) {
  const isAll = Object.keys(filter).length === 0;
  const types = useLoad('types of none', isAll ? (signal) => listTypes(signal) : undefined, { live: false });
  if (isAll) return types.loading ? <Waiting /> : <FirstJob types={types.data?.items ?? []} />;
  return (
    <Empty title="No job matches">
      <p>
        Other jobs may: <a href="#/jobs">show all</a>.
      </p>
    </Empty>
  );
}
