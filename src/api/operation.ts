/** What a method of a resource is declared to be: its requests and answers as JSON Schema, described and checked from one value. */
import type { TSchema } from '../schema/typebox.js';

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the path of the API, or beside it; at most one parameter, `:id`. */
  readonly path: string;
  /** One line for people. */
  readonly summary: string;
  /** Needs no token. */
  readonly open?: boolean;
  /** The body. */
  readonly request?: TSchema;
  /** The query, an object of texts. */
  readonly query?: TSchema;
  /** Media type of successful answers; default `application/json`. */
  readonly produces?: string;
  /** Bodies by status; of a stream, each of its messages. Refusals, which any request can get, are `problem` of `answers`. */
  readonly answers: Readonly<Record<number, TSchema>>;
}

/** The path of an operation of the API at `base`, with all else that it is declared to be. */
export function at<Declared extends Operation>(base: string, operation: Declared): Declared {
  return { ...operation, path: base + operation.path };
}
