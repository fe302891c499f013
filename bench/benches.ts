/** All benches, in the order in which they are run. */
import { cluster } from './cluster.js';
import { control } from './control.js';
import { dashboard } from './dashboard.js';
import { fanout } from './fanout.js';
import { growth } from './growth.js';
import { ingest } from './ingest.js';
import { ingestBatch } from './ingest-batch.js';
import { lateness } from './lateness.js';
import { memory } from './memory.js';
import { queries } from './queries.js';
import { restart } from './restart.js';
import type { AnyBench } from './support/bench.js';
import { throughput } from './throughput.js';

export const benches: readonly AnyBench[] = [
  ingest,
  ingestBatch,
  lateness,
  throughput,
  fanout,
  memory,
  restart,
  queries,
  growth,
  control,
  dashboard,
  cluster,
];
