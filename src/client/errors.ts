/** What went wrong with a request. */

/** One fault of a request: where, as a JSON pointer or the name of a parameter, and what. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

export class EscapementError extends Error {
  override readonly name = 'EscapementError';
  /**
   * @param code the server's stable code, such as `validation_failed`, `not_found`, `conflict`; or of this client: `unreachable` (no
   *   answer came), `unexpected_answer` (not one of an escapement server), `wait_timeout`
   * @param status HTTP status; 0 where there was no answer
   * @param errors what is wrong with the request, where the server says it by field
   */
  constructor(
    readonly code: string,
    message: string,
    readonly status = 0,
    readonly errors: readonly Fault[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The error that a problem document (RFC 9457) stands for. */
export function errorOf(status: number, body: unknown): EscapementError {
  const { code, detail, errors } = (body ?? {}) as { code?: string; detail?: string; errors?: readonly Fault[] };
  if (typeof code === 'string' && typeof detail === 'string') return new EscapementError(code, detail, status, errors);
  return new EscapementError(
    'unexpected_answer',
    `The answer with status ${status} is none of an escapement server: look at the url, and at what is between.`,
    status,
  );
}
