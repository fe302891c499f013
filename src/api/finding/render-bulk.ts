/** What is done with many jobs, as answers show it. */
import { type BulkRecord, formatBulkId } from '../../domain/control/bulk.js';
import { formatInstant } from '../../domain/time/instant.js';

/** JSON text. @param timezone IANA zone of instants */
export function renderBulk(bulk: BulkRecord, timezone: string): string {
  const { id, action, askedFilter, askedChange, status, matched, done, skipped, failed, errors } = bulk;
  return JSON.stringify({
    id: formatBulkId(id),
    action,
    filter: JSON.parse(askedFilter) as unknown,
    change: askedChange === undefined ? undefined : (JSON.parse(askedChange) as unknown),
    status,
    matched,
    done,
    skipped,
    failed,
    errors: errors.map(({ jobId, code, detail }) => ({ job_id: jobId, code, detail })),
    created_at: formatInstant(bulk.createdAt, timezone),
    finished_at: bulk.finishedAt === 0 ? undefined : formatInstant(bulk.finishedAt, timezone),
  });
}
