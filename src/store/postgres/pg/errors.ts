/**
 * What an error of PostgreSQL, or of the way to it, means: whether a statement may have been carried out, whether waiting helps, and
 * what a user reads.
 */

/** A store that this server cannot use as it is. The message is for the user: what is wrong, where, and what to do. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable';
}

/** PostgreSQL did not do it, or it was never asked. */
export class DatabaseRefusal extends Error {
  override readonly name = 'DatabaseRefusal';
  /** @param code SQLSTATE, or the system's code of a connection that could not be made; '' where there is none */
  constructor(
    message: string,
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** SQLSTATE, or the code of a system call. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** The server has said so, over a connection that it may have closed with it. */
export function isFromServer(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(codeOf(error)) && 'severity' in (error as object);
}

/** With these the server ends the session, whatever it was doing: a commit too may have been under way. */
export function endsSession(code: string): boolean {
  return code.startsWith('57P') || code.startsWith('08') || code === '40003';
}

/** Another statement was in the way, and this one was taken back: the same may go well at once. */
export function isCollision(code: string): boolean {
  return code === '40P01' || code === '40001';
}

const waitedFor: Readonly<Record<string, string>> = {
  '3D000': 'the database does not exist: create it, or put another into --store',
  '53300': 'it has no connection left: raise max_connections, or end some of the others',
  '57P01': 'it is shutting down',
  '57P02': 'it has crashed and starts again',
  '57P03': 'it is starting or stopping',
};

/** Why a start waits for PostgreSQL, when waiting helps. */
export function waitingReason(error: unknown): string | undefined {
  const code = codeOf(error);
  if (waitedFor[code] !== undefined) return waitedFor[code];
  if (error instanceof DatabaseUnusable || isFromServer(error)) return undefined;
  const message = messageOf(error);
  return wayAdvice(message) === undefined ? message : undefined;
}

/** What the library says, in its own words, before the server has let it in. */
function wayAdvice(message: string): string | undefined {
  if (/password must be a/.test(message))
    return 'It asks for a password: put it into --store, as in postgres://user:password@host/database';
  if (/does not support SSL/.test(message)) return 'Turn ssl on in PostgreSQL, or take sslmode out of --store';
  if (/certificate|altnames/i.test(message))
    return 'Name the file of the authority with sslrootcert in --store, and the host that its certificate is for';
  return undefined;
}

/** What the way to the server says; several addresses of one name fail with an error each. */
export function messageOf(error: unknown): string {
  const { message, errors, code } = error as AggregateError & { code?: string };
  const first = Array.isArray(errors) ? (errors[0] as Error | undefined)?.message : undefined;
  return message || first || code || String(error);
}

/** What a user reads about an error that waiting does not mend. */
export function unusable(error: unknown, where: string): DatabaseUnusable {
  if (error instanceof DatabaseUnusable) return error;
  const says = messageOf(error instanceof DatabaseRefusal ? (error.cause ?? error) : error);
  const advice = wayAdvice(says) ?? adviceFor(codeOf(error));
  return new DatabaseUnusable(`PostgreSQL at ${where} cannot be used: ${says}${advice === '' ? '' : `. ${advice}`}`, {
    cause: error,
  });
}

function adviceFor(code: string): string {
  switch (code) {
    case '28P01':
      return 'Check user and password in --store';
    case '28000':
      return 'Check the user in --store, and what pg_hba.conf allows';
    case '42501':
      return 'The user of --store needs its own schema: CREATE SCHEMA escapement AUTHORIZATION that user, or GRANT CREATE ON DATABASE';
    case '25006':
      return 'It takes no writes: put the primary into --store, not a replica';
    default:
      return '';
  }
}
