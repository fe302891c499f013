/** What went wrong with a request. */

/** One fault of a request: where, as a JSON pointer or the name of a parameter, and what. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

export class EscapementError extends Error {
  override readonly name = 'EscapementError';
  /** The job that is in the way: of a `conflict` about a key. */
  readonly jobId: string | undefined;
  /**
   * @param code the server's stable code, such as `validation_failed`, `not_found`, `conflict`; or of this client: `unreachable` (no
   *   answer came), `unexpected_answer` (not one of an escapement server), `wait_timeout`
   * @param status HTTP status; 0 where there was no answer
   * @param errors what is wrong with the request, where the server says it by field
   * @param options `jobId`: the job that has the key, of a `conflict` about one
   */
  constructor(
    readonly code: string,
    message: string,
    readonly status = 0,
    readonly errors: readonly Fault[] = [],
    options?: ErrorOptions & { readonly jobId?: string },
  ) {
    super(message, options);
    this.jobId = options?.jobId;
  }
}

interface Told {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly Fault[];
  readonly job_id?: string;
}

/** The error that a problem document (RFC 9457) stands for. */
export function errorOf(status: number, body: unknown): EscapementError {
  const { code, detail, errors, job_id: jobId } = (body ?? {}) as Told;
  if (typeof code === 'string' && typeof detail === 'string')
    return new EscapementError(code, detail, status, errors, jobId === undefined ? {} : { jobId });
  return new EscapementError(
    'unexpected_answer',
    `The answer with status ${status} is none of an escapement server: look at the url, and at what is between.`,
    status,
  );
}
