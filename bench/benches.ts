/** All benches, in the order in which they are run. */
import { fanout } from './fanout.js';
import { ingest } from './ingest.js';
import { lateness } from './lateness.js';
import type { AnyBench } from './support/bench.js';
import { throughput } from './throughput.js';

export const benches: readonly AnyBench[] = [ingest, lateness, throughput, fanout];
