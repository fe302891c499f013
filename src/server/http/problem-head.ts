/** Heads of refusals, and the refusal that hides what went wrong here. */
import { type ProblemKind, problemKinds } from '../../api/problem.js';
import { type ErrorCode, Refusal } from '../../domain/errors.js';
import { responseHead } from './response-head.js';

const heads = Object.fromEntries(
  Object.entries<ProblemKind>(problemKinds).map(([code, { status, headers }]) => [
    code,
    responseHead(status, 'application/problem+json', headers),
  ]),
) as Record<ErrorCode, string>;

/** Status line and headers for refusals of this code. */
export function problemHead(code: ErrorCode): string {
  return heads[code];
}

/** What a client sees of an error that is none of its business. */
export function internalError(): Refusal {
  return new Refusal(
    'internal_error',
    'The server failed at this request; its log says more. Nothing is known to be wrong with the request.',
  );
}
