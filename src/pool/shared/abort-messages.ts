/** What the signal of an attempt says where its owner ends it. */
import type { SignalReason } from './messages.js';

export const abortMessages = {
  cancelled: 'the job was cancelled',
  shutdown: 'the server is shutting down',
  lease_lost: 'another node has the job by now',
} as const satisfies Record<Exclude<SignalReason, 'timeout'>, string>;
