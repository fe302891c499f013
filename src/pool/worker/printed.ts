/**
 * Worker side: what handlers print becomes lines of the server's log, within the same bounds. Node would hand the
 * standard streams of a thread on to those of the process without any.
 */

import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { format } from 'node:util';
import type { LogLevel } from '../shared/log-lines.js';
import type { Outbox } from './outbox.js';

/** A text without a line's end is a line when it is this long. */
const longestLine = 8 * 1024;

export function captureOutput(outbox: Outbox): void {
  captureConsole(outbox);
  captureStream(process.stdout, 'info', outbox);
  captureStream(process.stderr, 'error', outbox);
}

function captureConsole(outbox: Outbox): void {
  const levels = { debug: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error', trace: 'debug' } as const;
  for (const method of Object.keys(levels) as (keyof typeof levels)[]) {
    const level = levels[method];
    console[method] = (...values: unknown[]) => {
      if (outbox.admits(level)) outbox.add({ level, message: format(...values).slice(0, longestLine) });
    };
  }
}

/** Replaces what is below the stream's buffer, so that callbacks and events are as handlers expect them. */
function captureStream(stream: Writable, level: LogLevel, outbox: Outbox): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (outbox.admits(level)) {
        outbox.add({ level, message: `${rest}${text.slice(from, end)}`.slice(0, longestLine) });
      }
      rest = '';
      from = end + 1;
    }
    rest += text.slice(from, from + longestLine - rest.length);
    if (rest.length < longestLine) return;
    if (outbox.admits(level)) outbox.add({ level, message: rest });
    rest = '';
  };
  stream._write = (chunk: unknown, _encoding, done) => {
    take(typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    done();
  };
  stream._writev = (chunks, done) => {
    for (const { chunk } of chunks) take(typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    done();
  };
}
