/** The bodies of `PUT /job-types/:name`: what a user sets of a job type. */
import { parseRate } from '../../domain/control/rate.js';
import type { TypeChange } from '../../domain/control/settings.js';
import type { Faults } from '../faults.js';
import { addShapeFaults, type TypeBody, typeShape } from '../schemas.js';

/** What a request changes of a type; null: as the handler says. Where faults were added, it may lack something. */
export function readTypeChange(value: unknown, faults: Faults): TypeChange {
  if (!typeShape.fits(value)) {
    addShapeFaults(typeShape, value, faults, '');
    return {};
  }
  const { concurrency, group_concurrency, rate: text, paused, pause_reason } = value as TypeBody;
  const rate = typeof text === 'string' ? parseRate(text) : text;
  const isRate = rate !== undefined && (rate === null || !('error' in rate));
  if (rate !== undefined && !isRate) faults.add('/rate', rate.error);
  if (typeof pause_reason === 'string' && (paused === false || paused === null))
    faults.add('/pause_reason', 'is only for a type that is paused: leave it out, or pause it');
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(group_concurrency !== undefined && { groupConcurrency: group_concurrency }),
    ...(isRate && { rate }),
    ...(paused !== undefined && { paused }),
    ...(pause_reason !== undefined && { reason: pause_reason }),
  };
}
