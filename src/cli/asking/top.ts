/** What `escapement top` does: a picture that is renewed on the terminal's second screen until it is left. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '../../client/transport.js';
import type { Stats } from '../../client/types.js';
import type { ServerOptions } from '../option.js';
import { explain, fail, print } from '../output.js';
import { ask } from './connection.js';
import { parseMetrics } from './metrics-text.js';
import { type Frame, picture, type Sample } from './top-picture.js';

interface TopOptions extends ServerOptions {
  /** Milliseconds. */
  readonly interval: number;
}

const leastInterval = 100;

export function top(options: TopOptions): Promise<void> {
  const { interval, url } = options;
  if (interval < leastInterval) fail(`--interval must be at least ${leastInterval}ms`);
  return ask(options, async (server) => {
    const first = await sample(server);
    if (process.stdout.isTTY) return live(server, first, options);
    await delay(interval);
    const frame = { url, columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
    print(picture(first, await sample(server), frame).join('\n'));
  });
}

async function sample(server: Transport): Promise<Sample> {
  const [stats, scrape] = await Promise.all([server.send<Stats>('GET', '/stats'), server.open('GET', '/metrics')]);
  return { at: performance.now(), stats, metrics: parseMetrics(await scrape.text()) };
}

async function live(server: Transport, first: Sample, { interval, url }: TopOptions): Promise<void> {
  const left = new AbortController();
  const screen = openScreen(() => left.abort());
  let before: Sample | undefined;
  let now = first;
  const draw = (note = ''): void => {
    // A terminal that nobody has told its size says 0.
    const columns = process.stdout.columns || 80;
    const frame: Frame = { url, columns, rows: (process.stdout.rows || 24) - 1 };
    screen.show([...picture(before, now, frame), note.slice(0, columns)]);
  };
  const redraw = (): void => draw();
  process.stdout.on('resize', redraw);
  try {
    draw();
    while (!left.signal.aborted) {
      await delay(interval, undefined, { signal: left.signal }).catch(() => {});
      if (left.signal.aborted) break;
      try {
        const next = await sample(server);
        [before, now] = [now, next];
        draw();
      } catch (error) {
        draw(explain(error));
      }
    }
  } finally {
    process.stdout.off('resize', redraw);
    screen.close();
  }
}

interface Screen {
  show(lines: readonly string[]): void;
  close(): void;
}

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const restOfLine = '\u001b[K';
const restOfScreen = '\u001b[J';
const leavingKeys: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

/** The terminal's second screen, with keys read one by one. @param onLeave q, Ctrl-C or a signal */
function openScreen(onLeave: () => void): Screen {
  const { stdin, stdout } = process;
  const onKey = (text: string): void => {
    if ([...text].some((key) => leavingKeys.has(key))) onLeave();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onLeave);
  if (stdin.isTTY) stdin.setRawMode(true).setEncoding('utf8').on('data', onKey);
  stdout.write(enter);
  return {
    show: (lines) => stdout.write(home + lines.map((line) => line + restOfLine).join('\r\n') + restOfScreen),
    close: () => {
      stdout.write(leave);
      for (const signal of signals) process.off(signal, onLeave);
      if (stdin.isTTY) stdin.setRawMode(false).off('data', onKey).pause();
    },
  };
}
