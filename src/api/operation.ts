/** What a method of a resource is declared to be: its requests and answers as JSON Schema, described and checked from one value. */
import type { ErrorCode } from '../domain/errors.js';
import type { TSchema } from '../schema/typebox.js';

/** The headings that operations stand under, and what is below each. */
export const tags = {
  Jobs: 'Making, listing, showing, changing, pausing, cancelling and retrying jobs',
  Server: 'What the server is, has and does, and how it is',
} as const;

/** Schemas by the name of a header. */
export type HeaderSchemas = Readonly<Record<string, TSchema>>;

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the path of the API; at most one parameter, `:id` of a job or `:name` of a job type. */
  readonly path: string;
  /** It stands beside the API: its path is whole. */
  readonly beside?: boolean;
  /** One line for people. */
  readonly summary: string;
  /** What the line does not say; Markdown. */
  readonly description?: string;
  readonly tag: keyof typeof tags;
  /** Needs no token. */
  readonly open?: boolean;
  /** The body. */
  readonly request?: TSchema;
  /** There may be none. */
  readonly bodyOptional?: boolean;
  /** The body, a list, may also come as `application/x-ndjson`: an item a line. */
  readonly ndjson?: boolean;
  /** The query, an object of texts that mean what the schema says. */
  readonly query?: TSchema;
  /** Media type of successful answers; default `application/json`. */
  readonly produces?: string;
  /** Headers that this operation looks at beside those that all do. */
  readonly headers?: HeaderSchemas;
  /** Bodies by status; of a stream, each of its messages. Refusals, which any request can get, are `problem` of `answers`. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Headers of its answers beside those that all have. */
  readonly answerHeaders?: HeaderSchemas;
  /** Codes of its refusals beside those of every operation of its kind: see `refusalsOf`. */
  readonly refusals?: readonly ErrorCode[];
}

/** The path of an operation of the API at `base`, with all else that it is declared to be. */
export function at<Declared extends Operation>(base: string, operation: Declared): Declared {
  return { ...operation, path: base + operation.path };
}

/** The codes of all refusals that a request of this operation can get. */
export function refusalsOf({ method, path, open, request, refusals = [] }: Operation): ErrorCode[] {
  const changes = method !== 'GET';
  return [
    'validation_failed',
    ...(request ? bodyRefusals : []),
    ...(open ? [] : (['unauthorized'] as const)),
    ...(changes ? changeRefusals : []),
    ...(!changes && !open ? (['storage_unavailable'] as const) : []),
    ...(path.includes(':') ? (['not_found'] as const) : []),
    ...refusals,
    'misdirected_host',
    'internal_error',
    'timeout',
  ];
}

const bodyRefusals = ['malformed_json', 'length_required', 'payload_too_large', 'unsupported_media_type'] as const;
/** The last is also an answer to questions, of a node that waits for its database, or for the owner of a shard. */
const changeRefusals = ['forbidden', 'overloaded', 'draining', 'storage_unavailable'] as const;
