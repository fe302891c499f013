/**
 * Refusals as RFC 9457 problem documents. No other file knows which HTTP status an operating error has.
 */
import type { ErrorCode, Refusal } from '../domain/errors.js';

/** What all problems of one code have in common. */
export interface ProblemKind {
  /** Status code and reason phrase. */
  readonly status: string;
  readonly title: string;
  /** Header lines that belong to every answer of this kind. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

export const problemKinds = {
  malformed_json: { status: '400 Bad Request', title: 'The body is not JSON' },
  validation_failed: { status: '400 Bad Request', title: 'The request is not valid' },
  unknown_job_type: { status: '400 Bad Request', title: 'No handler is registered for this job type' },
  unauthorized: {
    status: '401 Unauthorized',
    title: 'A valid token is required',
    headers: [['WWW-Authenticate', 'Bearer realm="escapement"']],
  },
  forbidden: { status: '403 Forbidden', title: 'The caller may not do this' },
  not_found: { status: '404 Not Found', title: 'There is nothing here' },
  method_not_allowed: { status: '405 Method Not Allowed', title: 'This resource does not have that method' },
  conflict: { status: '409 Conflict', title: 'The request conflicts with what is there' },
  length_required: { status: '411 Length Required', title: 'The length of the body must be given' },
  payload_too_large: { status: '413 Content Too Large', title: 'The body is too large' },
  unsupported_media_type: { status: '415 Unsupported Media Type', title: 'The body must be plain JSON' },
  misdirected_host: { status: '421 Misdirected Request', title: 'This server does not answer for that host' },
  internal_error: { status: '500 Internal Server Error', title: 'The server made an error' },
  overloaded: {
    status: '503 Service Unavailable',
    title: 'The server has more to do than it can take',
    headers: [['Retry-After', '1']],
  },
  draining: {
    status: '503 Service Unavailable',
    title: 'The server is shutting down',
    headers: [['Retry-After', '5']],
  },
  storage_unavailable: {
    status: '503 Service Unavailable',
    title: 'The storage of the jobs is not available',
    headers: [['Retry-After', '5']],
  },
  timeout: { status: '504 Gateway Timeout', title: 'The server did not answer in time' },
} as const satisfies Record<ErrorCode, ProblemKind>;

/** The HTTP status of refusals of this code. */
export function problemStatus(code: ErrorCode): number {
  return Number.parseInt(problemKinds[code].status, 10);
}

/**
 * The problem document of a refusal, JSON text. `type` is a reference that stays the same for all problems of one code;
 * nothing is behind it.
 */
export function problemBody({ code, detail, faults, jobId }: Refusal): string {
  const document = {
    type: `/problems/${code}`,
    title: problemKinds[code].title,
    status: problemStatus(code),
    detail,
    code,
    ...(jobId !== undefined && { job_id: jobId }),
    ...(faults.length > 0 && { errors: faults.map(({ path, message }) => ({ path, message })) }),
  };
  return JSON.stringify(document);
}
