/**
 * Notes when it began: `[payload.n, Unix milliseconds]` as two doubles, gathered in memory and appended to a file of this
 * thread's own once a second, so that noting costs less than a microsecond and no system call on the way. With
 * `payload.atOnce` it is appended at once, for servers that end meanwhile.
 */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { wallMs } from '../../dist/bench/support/wall-clock.js';

const notes = Buffer.alloc(16 * 65_536);
let used = 0;
let file;

function flush() {
  if (used === 0 || process.env.BENCH_STAMPS === undefined) return;
  file ??= openSync(join(process.env.BENCH_STAMPS, `${process.pid}-${threadId}.f64`), 'a');
  writeSync(file, notes, 0, used);
  used = 0;
}

setInterval(flush, 1000).unref();

export default function stamp({ n, atOnce }) {
  const began = wallMs();
  if (used === notes.length) flush();
  notes.writeDoubleLE(n, used);
  notes.writeDoubleLE(began, used + 8);
  used += 16;
  if (atOnce) flush();
}
