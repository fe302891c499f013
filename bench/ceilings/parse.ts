/**
 * Ceiling of `ingest-batch`, first half: parsing and checking the same bodies with the product's own code, and nothing
 * else. A process of its own; tells jobs per second.
 */
import { Faults } from '../../src/api/faults.js';
import { readDraft } from '../../src/api/validate.js';
import { placesIn } from '../../src/server/bodies/batch-items.js';
import { parseJson, parseLines } from '../../src/server/bodies/json-body.js';
import { batchBodies } from '../support/job-bodies.js';

export interface ParseLoad {
  readonly jobs: number;
  readonly perBatch: number;
  readonly lines: boolean;
}

const rules = { timezone: 'UTC', isRegistered: (name: string) => name === 'noop' };

function parseAll({ jobs, perBatch, lines }: ParseLoad, bodies: readonly string[]): number {
  const buffers = bodies.map((body) => Buffer.from(body));
  const begun = performance.now();
  for (let done = 0, batch = 0; done < jobs; done += perBatch, batch++) {
    const faults = new Faults();
    const body = buffers[batch % buffers.length]!;
    const values = (lines ? parseLines(body, placesIn(faults)) : parseJson(body, faults)) as unknown[];
    for (const [index, value] of values.entries()) readDraft(value, rules, faults, `/${index}`);
    if (faults.any) throw new Error('the bodies of the bench are not valid');
  }
  return jobs / ((performance.now() - begun) / 1000);
}

const load = JSON.parse(process.argv[2] as string) as ParseLoad;
const bodies = batchBodies(load.perBatch, load.lines);
parseAll({ ...load, jobs: Math.min(load.jobs, 20_000) }, bodies);
process.send?.({ perSecond: parseAll(load, bodies) });
