/** What `escapement jobs logs` does. */
import { events } from '../../client/events.js';
import { type LogLine, logsOf } from '../../client/logs.js';
import type { Transport } from '../../client/transport.js';
import type { AskingOptions } from '../option.js';
import { print } from '../output.js';
import { ask } from './connection.js';
import { detail, instantChars } from './job-text.js';
import { printable } from './text.js';

interface LogsOptions extends AskingOptions {
  readonly run?: number;
  readonly follow?: boolean;
}

export function logs(id: string, { run, follow, ...options }: LogsOptions): Promise<void> {
  return ask(options, async (server) => {
    const write = (line: Omit<LogLine, 'run'>): void => print(options.json ? JSON.stringify(line) : lineOf(line));
    const dropped = (count: number): void => {
      if (count > 0) process.stderr.write(`${count} lines are not there any more\n`);
    };
    if (follow) return followLines(server, id, write, dropped);
    let lines = 0;
    for await (const line of logsOf(server, pathOf(id), run === undefined ? {} : { run }, undefined, dropped)) {
      write(line);
      lines++;
    }
    if (lines === 0 && !options.json) process.stderr.write('there are no lines\n');
  });
}

const pathOf = (id: string): string => `/jobs/${encodeURIComponent(id)}`;
const ends: readonly string[] = ['success', 'failed', 'cancelled'];

/** How many of the lines shown last are remembered: far more than come while the end of a job is noticed. */
const remembered = 1000;

/** Shows the lines that the server has, then new ones as they come, until the job has finished. No line is shown twice. */
async function followLines(
  server: Transport,
  id: string,
  show: (line: Omit<LogLine, 'run'>) => void,
  dropped: (count: number) => void,
): Promise<void> {
  const over = new AbortController();
  const shown = new Set<string>();
  const write = (line: Omit<LogLine, 'run'>): void => {
    show(line);
    shown.add(keyOf(line));
    const [oldest] = shown;
    if (shown.size > remembered) shown.delete(oldest as string);
  };
  let failure: unknown;
  let isShown = false;
  let showing: Promise<void> | undefined;
  const early: Omit<LogLine, 'run'>[] = [];
  const known = new Set<string>();
  const showKept = async (): Promise<void> => {
    // Asked first: once it has finished all of its lines are there, and until then its end is an event to come.
    const { status } = await server.send<{ status: string }>('GET', pathOf(id), { repeatable: true });
    for await (const line of logsOf(server, pathOf(id), {}, undefined, dropped)) {
      write(line);
      known.add(keyOf(line));
    }
    isShown = true;
    for (const line of early.splice(0)) if (!known.delete(keyOf(line))) write(line);
    if (ends.includes(status)) over.abort();
  };
  const begin = (): void => {
    if (isShown) return;
    showing = showKept().catch((error) => {
      failure = error;
      over.abort();
    });
  };
  const filter = {
    job_ids: [id],
    event_types: ['job.log', 'job.completed', 'job.failed', 'job.cancelled', 'job.updated'],
  } as const;
  for await (const event of events(server, filter, { signal: over.signal, onSubscribed: begin })) {
    if (event.type === 'gap') continue;
    if (event.type === 'job.log') {
      const { timestamp: time, data } = event;
      const line = { time, ...data };
      if (isShown) write(line);
      else early.push(line);
      continue;
    }
    const { status } = await server.send<{ status: string }>('GET', pathOf(id), { repeatable: true });
    if (ends.includes(status)) over.abort();
  }
  await showing;
  if (failure !== undefined) throw failure;
  for (const line of await linesBehind(server, id, shown)) show(line);
}

/** The lines after the last one that was shown: events of the last lines may come after the end of the job, when nobody listens any more. */
async function linesBehind(server: Transport, id: string, shown: ReadonlySet<string>): Promise<readonly LogLine[]> {
  let behind: LogLine[] = [];
  for await (const line of logsOf(server, pathOf(id))) {
    if (shown.has(keyOf(line))) behind = [];
    else behind.push(line);
  }
  return behind;
}

const keyOf = ({ time, level, message }: Omit<LogLine, 'run'>): string => `${time} ${level} ${message}`;

function lineOf({ time, level, message, fields }: Omit<LogLine, 'run'>): string {
  const known = Object.entries(fields).map(([name, value]) => `${name}=${detail(value)}`);
  const [at = '', how = '', ...rest] = [time, level, message, ...known].map(printable);
  return [at.padEnd(instantChars), how.padEnd(5), ...rest].join('  ');
}
