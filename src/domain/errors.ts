/**
 * Operating errors: what a user can cause or must know. One class, one list of stable codes; `api/problem` alone
 * knows how they look over HTTP. Broken invariants are plain `Error`s and end the process.
 */

/** The stable words of `code` in problem documents. */
export const errorCodes = [
  'malformed_json',
  'validation_failed',
  'unknown_job_type',
  'not_found',
  'conflict',
  'length_required',
  'payload_too_large',
  'unsupported_media_type',
  'method_not_allowed',
  'unauthorized',
  'forbidden',
  'misdirected_host',
  'overloaded',
  'draining',
  'storage_unavailable',
  'internal_error',
  'timeout',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** One fault of a request: `path` is a JSON pointer into the body, or `query.<name>`; '' is the whole. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** A refusal that the caller reads, word for word. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly faults: readonly Fault[] = [],
    /** Public id of the job that is in the way: of a `conflict` about a key. */
    readonly jobId?: string,
  ) {
    super(detail);
  }
}
