/** From handlers as threads have loaded them to job types: what handlers declare of their payloads is made a check. */
import type { DeclaredPayload, HandlerInfo } from '../pool/port.js';
import type { PayloadCheck } from '../schema/payload-check.js';

/** A job type that handlers exist for. */
export interface LoadedType extends HandlerInfo {
  readonly payload?: DeclaredPayload & { readonly check: PayloadCheck };
}

/**
 * The job types of these handlers, in their order. What compiles schemas is loaded only where there is one.
 *
 * @throws Error that names the file, the place in the schema, and what is wrong there
 */
export async function jobTypesOf(handlers: readonly HandlerInfo[]): Promise<readonly LoadedType[]> {
  if (handlers.every(({ payload }) => payload === undefined || payload.check)) return handlers as readonly LoadedType[];
  const { compilePayloadSchema } = await import('../schema/payload-check.js');
  return handlers.map(({ payload, ...handler }) => {
    if (payload === undefined) return handler;
    if (payload.check) return { ...handler, payload: { ...payload, check: payload.check } };
    const compiled = compilePayloadSchema(payload.schema);
    if ('check' in compiled) return { ...handler, payload: { ...payload, check: compiled.check } };
    const { path, message } = compiled.fault;
    throw new Error(`${payload.file}: the payload schema${path === '' ? '' : ` at ${path}`} ${message}`);
  });
}
