/** What the tests of cron share. */
import { nextCron } from '../../../src/domain/time/cron.js';
import { type Cron, parseCron } from '../../../src/domain/time/cron-expression.js';

export const minuteMs = 60_000;
export const dayMs = 86_400_000;
export const newYork = 'America/New_York';
export const utc = (text: string): number => Date.parse(`${text}Z`);

export function cronOf(expression: string): Cron {
  const answer = parseCron(expression);
  if ('error' in answer) throw new Error(`${expression} ${answer.error}`);
  return answer.cron;
}

/** The first `count` occurrences after `after`, in UTC. */
export function following(expression: string, zone: string, after: string, count: number): string[] {
  const cron = cronOf(expression);
  const found: string[] = [];
  for (let at = utc(after); found.length < count; ) {
    at = nextCron(cron, zone, at);
    found.push(new Date(at).toISOString().slice(0, 19));
  }
  return found;
}
