/** Places in traces as OpenTelemetry has them, and calls within one. Loaded only where an SDK is (`sdk`). */
import { type Context, context, createTraceState, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import type { TraceContext } from '../../domain/job.js';

/** A span that is elsewhere, in another process or thread. */
export function spanContextOf({ traceId, spanId, flags, state }: TraceContext): SpanContext {
  const place = { traceId, spanId, traceFlags: flags, isRemote: true };
  return state === undefined ? place : { ...place, traceState: createTraceState(state) };
}

/** A context in which that span is the active one, and nothing else is. */
export function within(place: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, spanContextOf(place));
}

/** See `ThreadTraces`. */
export function around<T>(place: TraceContext, call: () => T): T {
  return context.with(within(place), call);
}

/** Has the SDK of this thread send what it has gathered. Should the collector be down, the SDK says so: this resolves all the same. */
export async function flush(): Promise<void> {
  const registered = trace.getTracerProvider() as { getDelegate?: () => unknown };
  const provider = (registered.getDelegate?.() ?? registered) as { forceFlush?: () => Promise<void> };
  try {
    await provider.forceFlush?.();
  } catch {
    // There is nobody left who would try again.
  }
}
