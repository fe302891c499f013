/** The handler of the type `http`, as its thread runs it: a payload becomes a request, and its answer the outcome of the attempt. */
import { type TraceContext, traceHeaders } from '../domain/job.js';
import type { Context, Handler, JsonObject } from '../pool/worker/handler.js';
import type { BuiltInModule } from '../pool/worker/load-built-in.js';
import { Broken, type Call, send } from './call.js';
import { Connections } from './connections.js';
import { NotPublic } from './lookup.js';
import { Masking } from './masking.js';
import { HttpError, outcomeOf } from './outcome.js';
import { type HttpPayload, payloadFaults, variableOf } from './payload.js';
import type { HttpRules } from './rules.js';
import { webhookHeaders } from './signature.js';

/** What else attempts have. */
interface TracedContext extends Context {
  readonly trace?: TraceContext | undefined;
}

/** See `BuiltInModule`. */
export const makeHandler: BuiltInModule<HttpRules>['makeHandler'] = (rules) => handlerOf(rules, new Connections());

function handlerOf(rules: HttpRules, connections: Connections): Handler {
  const keys = rules.keys.map((key) => Buffer.from(key, 'base64'));
  const masking = new Masking(rules.variables.map(({ value }) => value));
  return async (payload, context) => {
    const call = callOf(checked(payload, rules), context, rules, keys);
    const what = `${call.method} ${call.url.origin}`;
    try {
      const answer = await send(call, connections, context.signal);
      return outcomeOf(what, answer, masking, Date.now());
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      if (error.cause instanceof NotPublic)
        throw new HttpError(
          `${what} was not sent: the name has no public address, and --http-target does not name the origin`,
          false,
        );
      throw new HttpError(masking.text(`${what} was not answered: ${error.message}`), true);
    }
  };
}

/** A job may be older than what the server now allows. */
function checked(payload: JsonObject, rules: HttpRules): HttpPayload {
  const [fault] = payloadFaults(payload, rules);
  if (fault !== undefined) throw new HttpError(`the payload cannot be sent: ${fault.path} ${fault.message}`, false);
  return payload as unknown as HttpPayload;
}

function callOf(payload: HttpPayload, context: TracedContext, rules: HttpRules, keys: readonly Buffer[]): Call {
  const url = new URL(payload.url);
  const { method = 'POST', body: content } = payload;
  const body = Buffer.from(
    content === undefined ? '' : typeof content === 'string' ? content : JSON.stringify(content),
  );
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(payload.headers ?? {})) {
    headers[name] = typeof value === 'string' ? value : (variableOf(rules, value.$env, url.origin) ?? '');
  }
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (content !== undefined && !given.has('content-type'))
    headers['content-type'] = typeof content === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  if (!given.has('user-agent')) headers['user-agent'] = 'escapement';
  if (content !== undefined || !['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method))
    headers['content-length'] = String(body.length);
  const { jobId, scheduledFor, trace } = context;
  const signed = { id: `${jobId}_${scheduledFor.getTime()}`, timestamp: Math.floor(Date.now() / 1000), body };
  Object.assign(headers, webhookHeaders(keys, signed), traceHeaders(trace));
  return { url, method, headers, body, open: rules.origins.includes(url.origin) };
}
