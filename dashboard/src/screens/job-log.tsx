/** What a job has logged, with what it logs now. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { type LogLine, listLogs, type Whole } from '../state/api.js';
import { clockTime, instant, plural } from '../state/format.js';
import { isAbsent, useLoad } from '../state/load.js';
import { Failed, Panel, Waiting } from '../ui/basics.js';

export type LiveLine = LogLine;

const pageLines = 100;
const mostLines = 1000;

/** All pages, the oldest first, up to a bound. */
async function allLines(id: string, signal: AbortSignal): Promise<{ items: readonly LogLine[]; dropped: number }> {
  const items: LogLine[] = [];
  let dropped = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await listLogs(id, { limit: pageLines, cursor }, signal);
    items.push(...page.items);
    dropped = page.dropped ?? 0;
    cursor = page.next_cursor;
    if (cursor === undefined || items.length >= mostLines) return { items, dropped };
  }
}

export function Log({ job, live }: { readonly job: Whole; readonly live: readonly LiveLine[] }) {
  const logs = useLoad(`logs ${job.id} ${job.updated_at} ${job.status}`, (signal) => allLines(job.id, signal), {
    live: false,
  });
  const last = useRef<readonly LogLine[]>([]);
  if (logs.data) last.current = logs.data.items;
  const lines = useMemo(() => {
    const kept = last.current;
    const until = kept.at(-1)?.time;
    const newer = until === undefined ? live : live.filter(({ time }) => Date.parse(time) > Date.parse(until));
    return [...kept, ...newer].slice(-mostLines);
  }, [logs.data, live]);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (isAbsent(logs.error)) return null;
  const dropped = logs.data?.dropped ?? 0;
  return (
    <Panel title="Log" side={lines.length > 0 && <span class="faint">{plural(lines.length, 'line')}</span>}>
      {logs.error && lines.length === 0 ? (
        <Failed error={logs.error} retry={logs.reload} />
      ) : logs.loading && lines.length === 0 ? (
        <Waiting />
      ) : lines.length === 0 ? (
        <p class="quiet">
          It has logged nothing. Handlers log with <code>ctx.log.info()</code>.
        </p>
      ) : (
        <div
          class="log"
          ref={box}
          role="log"
          tabIndex={0}
          aria-label="Log"
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            follows.current = scrollHeight - scrollTop - clientHeight < 20;
          }}
        >
          {lines.map((line, at) => (
            <div key={at} class={`log-line is-${line.level}`}>
              <time title={instant(Date.parse(line.time))}>{clockTime(Date.parse(line.time))}</time>
              <span class="log-level">{line.level}</span>
              <span class="log-text">
                {line.message}
                {line.fields && Object.keys(line.fields).length > 0 && (
                  <span class="faint"> {JSON.stringify(line.fields)}</span>
                )}
              </span>
            </div>
          ))}
        </div>
      )}
      {dropped > 0 && <p class="quiet">{plural(dropped, 'line was', 'lines were')} dropped.</p>}
    </Panel>
  );
}
