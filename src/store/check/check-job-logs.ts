/** Checking the lines of handlers: each chunk is whole, of a job that exists, and stands in the order; and they are counted right. */
import {
  allChunks,
  allOrder,
  costOf,
  orderKey,
  placeOfChunk,
  readChunk,
  readOrder,
  readTotal,
  totalKey,
} from '../format/trees/job-log.js';
import type { CheckGround } from './check-ground.js';

export function checkJobLogs(ground: CheckGround): void {
  const { kv, faults } = ground;
  let bytes = 0;
  let chunks = 0;
  let last = -1;
  const left = new Set<number>();
  faults.try('unreadable', 'the lines of jobs', () => {
    for (const { key, value } of kv.entries('logs', allChunks)) {
      const place = placeOfChunk(key);
      chunks++;
      bytes += costOf(place);
      last = Math.max(last, place.number);
      if (!ground.row(place.seq) && !ground.isOpen(place.seq)) left.add(place.seq);
      const lines = faults.try('jobLog', `lines of ${ground.nameOf(place.seq)}`, () => readChunk(value, key));
      if (lines && lines.length !== place.lines)
        faults.add('jobLog', `lines of ${ground.nameOf(place.seq)} are counted wrong`);
      const under = orderKey(place.number);
      const order = kv.get('logs', under);
      const known = order && faults.try('jobLog', 'the order of lines', () => readOrder(order, under));
      if (!known?.equals(key)) faults.add('jobLog', `lines of ${ground.nameOf(place.seq)} are not in the order of all`);
    }
  });
  for (const seq of left) faults.add('left', `there are lines of job number ${seq}, which does not exist`);
  let ordered = 0;
  faults.try('unreadable', 'the order of lines', () => {
    for (const _ of kv.keys('logs', allOrder)) ordered++;
  });
  if (ordered !== chunks) faults.add('jobLog', `the order of lines has ${ordered} entries, there are ${chunks}`);
  const total = faults.try('jobLog', 'the number of lines', () => readTotal(kv.get('logs', totalKey)));
  if (total && (total.bytes !== bytes || total.next <= last))
    faults.add('jobLog', 'the lines of jobs are counted wrong');
}
