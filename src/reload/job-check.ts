/** What worker threads hold the jobs against that their handlers enqueue. */
import type { JobCheck } from '../pool/port.js';

/** @param timezone IANA name, for instants without an offset */
export function jobCheckFor(timezone: string): JobCheck {
  return {
    module: new URL('../server/enqueued/thread-check.js', import.meta.url).href,
    compiler: new URL('../schema/payload-check.js', import.meta.url).href,
    timezone,
    otherTypes: [],
  };
}
