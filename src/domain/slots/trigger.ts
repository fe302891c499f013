/** Occurrences of a trigger: the next, how many in a stretch of time, the last before an instant. */

import type { Trigger } from '../job.js';
import { countCron, nextCron, previousCron } from '../time/cron.js';
import { type Cron, parseCron } from '../time/cron-expression.js';

function cronOf(expression: string): Cron {
  const parsed = parseCron(expression);
  if ('error' in parsed) throw new Error(`an accepted cron expression no longer parses: ${parsed.error}`);
  return parsed.cron;
}

/** The first instant that the trigger is due; for cron the first after `now`. */
export function firstOccurrence(trigger: Trigger, now: number): number {
  switch (trigger.kind) {
    case 'once':
      return trigger.due;
    case 'interval':
      return trigger.firstDue;
    case 'cron':
      return nextCron(cronOf(trigger.expression), trigger.timezone, now);
    default:
      return trigger satisfies never;
  }
}

/** The first occurrence after `after`; undefined where there is none. */
export function nextOccurrence(trigger: Trigger, after: number): number | undefined {
  switch (trigger.kind) {
    case 'once':
      return undefined;
    case 'interval': {
      const { firstDue, everyMs } = trigger;
      return after < firstDue ? firstDue : firstDue + (Math.floor((after - firstDue) / everyMs) + 1) * everyMs;
    }
    case 'cron':
      return trigger.repeat ? nextCron(cronOf(trigger.expression), trigger.timezone, after) : undefined;
    default:
      return trigger satisfies never;
  }
}

/** How many occurrences lie in (after, until]. */
export function countOccurrences(trigger: Trigger, after: number, until: number): number {
  if (until <= after) return 0;
  switch (trigger.kind) {
    case 'once':
      return 0;
    case 'interval': {
      const { firstDue, everyMs } = trigger;
      const upTo = (at: number): number => (at < firstDue ? 0 : Math.floor((at - firstDue) / everyMs) + 1);
      return upTo(until) - upTo(after);
    }
    case 'cron':
      return trigger.repeat ? countCron(cronOf(trigger.expression), trigger.timezone, after, until) : 0;
    default:
      return trigger satisfies never;
  }
}

/** The last occurrence in (after, until]; undefined where there is none. */
export function lastOccurrence(trigger: Trigger, after: number, until: number): number | undefined {
  if (countOccurrences(trigger, after, until) === 0) return undefined;
  switch (trigger.kind) {
    case 'once':
      return undefined;
    case 'interval':
      return trigger.firstDue + Math.floor((until - trigger.firstDue) / trigger.everyMs) * trigger.everyMs;
    case 'cron':
      return previousCron(cronOf(trigger.expression), trigger.timezone, until);
    default:
      return trigger satisfies never;
  }
}
