/** All benches, in the order in which they are run. */
import { ingest } from './ingest.js';
import { lateness } from './lateness.js';
import type { AnyBench } from './support/bench.js';

export const benches: readonly AnyBench[] = [ingest, lateness];
