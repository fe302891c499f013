/** A thread that does nothing but note that it runs: see `process/stops.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { noteSign, signEveryMs } from './stops.js';

const { memory } = workerData as { readonly memory: SharedArrayBuffer };
const signs = new BigInt64Array(memory);
const never = new Int32Array(new SharedArrayBuffer(4));

noteSign(signs);
parentPort?.postMessage('watching');
for (;;) {
  noteSign(signs);
  Atomics.wait(never, 0, 0, signEveryMs);
}
