/** What a node declares of its job types, as text for the others. Where modules are is nothing to them. */
import { createHash } from 'node:crypto';
import type { HandlerInfo } from '../../pool/port.js';
import type { DeclaredTypes } from '../../store/postgres/database.js';

/** Declared types are found in PostgreSQL by their digest: as many characters of it as nobody hits by chance. */
const digestLength = 32;

export function declare(types: readonly HandlerInfo[]): DeclaredTypes {
  const text = JSON.stringify(
    types.map(({ concurrency, payload, ...type }) => ({
      ...type,
      // JSON has no infinity.
      ...(Number.isFinite(concurrency) && { concurrency }),
      ...(payload && { payload: { schema: payload.schema } }),
    })),
  );
  return { text, digest: createHash('sha256').update(text).digest('hex').slice(0, digestLength) };
}

/** @throws Error when it is not what `declare` writes */
export function readDeclared(text: string): readonly HandlerInfo[] {
  const read: unknown = JSON.parse(text);
  if (!Array.isArray(read)) throw new Error('the job types are no list');
  return read.map((type: Partial<HandlerInfo>): HandlerInfo => {
    const { name, timeoutMs, maxRetries, retryDelayMs, payload } = type;
    if (typeof name !== 'string' || [timeoutMs, maxRetries, retryDelayMs].some((value) => typeof value !== 'number'))
      throw new Error('a job type lacks its name, or its defaults');
    return {
      ...(type as HandlerInfo),
      concurrency: type.concurrency ?? Number.POSITIVE_INFINITY,
      ...(payload && { payload: { ...payload, file: `the handler of ${name} on another node` } }),
    };
  });
}
