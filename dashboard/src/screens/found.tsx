/** Jobs whose payload, result or error has a text in it. The server looks for a while and says how far it came; this asks on. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Listed, listJobs } from '../state/api.js';
import { plural } from '../state/format.js';
import { Empty, Failed } from '../ui/basics.js';
import type { Selecting } from './job-list.js';
import { JobRow, ListHead } from './job-row.js';

const enough = 50;
const mostKept = 500;

export function Found(props: Selecting & { readonly filter: Readonly<Record<string, string>>; readonly text: string }) {
  const { filter, text, selection, onSelect } = props;
  const [items, setItems] = useState<readonly Listed[]>([]);
  const [scanned, setScanned] = useState(0);
  const [state, setState] = useState<'looking' | 'resting' | 'over' | Error>('looking');
  const cursor = useRef<string | undefined>(undefined);
  const stop = useRef(new AbortController());
  const look = async (): Promise<void> => {
    const { signal } = (stop.current = new AbortController());
    setState('looking');
    try {
      for (let found = 0; found < enough; ) {
        const page = await listJobs({ ...filter, q: text, limit: enough, cursor: cursor.current }, signal);
        cursor.current = page.next_cursor;
        found += page.items.length;
        setItems((old) => [...old, ...page.items].slice(-mostKept));
        setScanned((old) => old + (page.scanned ?? 0));
        if (page.next_cursor === undefined) return setState('over');
      }
      setState('resting');
    } catch (error) {
      if (!signal.aborted) setState(error as Error);
    }
  };
  useEffect(() => {
    void look();
    return () => stop.current.abort();
  }, []);
  if (state instanceof Error && items.length === 0) return <Failed error={state} retry={() => void look()} />;
  return (
    <>
      {items.length > 0 && (
        <table class={selection ? 'list selects is-flowing' : 'list is-flowing'} aria-label="Jobs found">
          <ListHead />
          <tbody>
            {items.map((job, at) => (
              <JobRow
                key={job.id}
                job={job}
                index={at}
                {...(selection && { selection })}
                {...(onSelect && { onSelect })}
              />
            ))}
          </tbody>
        </table>
      )}
      {state === 'over' && items.length === 0 && (
        <Empty title="Nothing found">
          <p>No payload, result or last error has this text in it.</p>
        </Empty>
      )}
      <p class="quiet" role="status">
        {state === 'looking' ? 'Looking… ' : ''}
        {scanned > 0 && `${plural(scanned, 'job')} looked at. `}
        {state === 'looking' && (
          <button
            type="button"
            class="link"
            onClick={() => {
              stop.current.abort();
              setState('resting');
            }}
          >
            Stop
          </button>
        )}
        {state === 'resting' && (
          <button type="button" class="link" onClick={() => void look()}>
            Look on
          </button>
        )}
      </p>
    </>
  );
}
