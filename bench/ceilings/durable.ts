/**
 * The durable ceiling of `ingest`: a bare uWebSockets.js server that reads the same bodies, checks them with the product's own validation,
 * appends them to a file and answers with as many bytes once they are on disk. One flush is under way at a time, on one of libuv's threads,
 * and takes all that came before it. Options as JSON in the first argument: none. Tells its port.
 */

import uWS, { type HttpResponse } from 'uWebSockets.js';
import { fdatasync, openSync, write } from 'node:fs';
import { join } from 'node:path';
import { temporary } from '../support/processes.js';
import { bodyOf, createdAnswer, draftOf } from './request.js';

const file = openSync(join(temporary('ceiling'), 'log'), 'w');
let end = 0;
let waiting: { readonly response: HttpResponse; readonly bytes: Buffer }[] = [];
let flushing = false;

function flush(): void {
  if (flushing || waiting.length === 0) return;
  flushing = true;
  const batch = waiting;
  waiting = [];
  const bytes = Buffer.concat(batch.map((each) => each.bytes));
  write(file, bytes, 0, bytes.length, end, (failed) => {
    if (failed) throw failed;
    end += bytes.length;
    fdatasync(file, (unflushed) => {
      if (unflushed) throw unflushed;
      flushing = false;
      for (const { response } of batch) createdAnswer(response);
      flush();
    });
  });
}

uWS
  .App()
  .post('/api/v1/jobs', (response) => {
    bodyOf(response, (bytes) => {
      draftOf(bytes);
      waiting.push({ response, bytes });
      if (waiting.length === 1) setImmediate(flush);
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no port could be had');
    process.send?.({ port: uWS.us_socket_local_port(socket) });
  });
