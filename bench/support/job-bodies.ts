/** Requests to make jobs, as bytes, like those of real clients: small, and no two alike. */
import { request } from './http-client.js';

const hourMs = 3_600_000;
const variants = 1000;

/** The original document's first example, with other orders and delays between an hour and thirty days. */
export function orderBody(index: number, name = 'noop'): string {
  const order = String(index % 1_000_000).padStart(6, '0');
  return JSON.stringify({
    name,
    delay: `${1 + (index % 720)}h`,
    payload: { order_id: `ORD-2024-${order}`, amount: ((index * 7919) % 100_000) / 100, user_id: `U${order}` },
    max_retries: 3,
    retry_delay: '5m',
  });
}

/** Bytes of `POST /jobs`, made once: the client only picks. */
export function orderRequests(): (index: number) => Buffer {
  const made = Array.from({ length: variants }, (_, index) => request('POST', '/api/v1/jobs', orderBody(index)));
  return (index) => made[index % variants]!;
}

/** A job that is due at `due` (Unix milliseconds). @param more further members, as JSON with a comma before each */
export function dueBody(name: string, due: number, payload = '{}', more = ''): string {
  return `{"name":"${name}","trigger_at":"${new Date(due).toISOString()}","payload":${payload}${more}}`;
}

/** A job of the far future, the `index`-th of `count` that are spread evenly over thirty days, in no order. */
export function farBody(index: number, count: number, from: number): string {
  const place = (index * 7_368_787) % count;
  const due = from + hourMs + Math.floor((place / count) * 30 * 24 * hourMs);
  return `{"name":"noop","trigger_at":"${new Date(due).toISOString()}","payload":{"order_id":"ORD-${index}"}}`;
}

/** Some bodies of `POST /jobs/batch`: arrays, or a job per line. */
export function batchBodies(perBatch: number, lines: boolean): string[] {
  return Array.from({ length: 8 }, (_, batch) => {
    const jobs = Array.from({ length: perBatch }, (_, index) => orderBody(batch * perBatch + index));
    return lines ? jobs.join('\n') : `[${jobs.join(',')}]`;
  });
}
