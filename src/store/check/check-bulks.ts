/** Checking what is done with many jobs: each can be read, and has its jobs as long as it has not ended. */
import { hasEnded } from '../../domain/control/bulk.js';
import { placeOfBulk, readBulkJobs, readBulkRecord } from '../format/trees/bulk-record.js';
import type { CheckGround } from './check-ground.js';

export function checkBulks({ kv, faults }: CheckGround): void {
  const lacking = new Map<number, number>();
  faults.try('unreadable', 'what is done with many jobs', () => {
    for (const { key, value } of kv.entries('bulk', {})) {
      const { id, block } = placeOfBulk(key);
      if (block === undefined) {
        const record = faults.try('bulk', `bulk action ${id}`, () => readBulkRecord(value, key));
        if (record) lacking.set(id, hasEnded(record) ? 0 : record.matched);
        continue;
      }
      const jobs = faults.try('bulk', `the jobs of bulk action ${id}`, () => readBulkJobs(value, key));
      const count = lacking.get(id);
      if (count === undefined) faults.add('left', `there are jobs of bulk action ${id}, which does not exist`);
      else if (jobs) lacking.set(id, count - jobs.places.length);
    }
  });
  for (const [id, count] of lacking)
    if (count !== 0) faults.add('bulk', `bulk action ${id} has not the jobs that it was accepted with`);
}
