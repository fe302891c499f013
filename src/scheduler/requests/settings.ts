/** Deciding what users set: the limits of a job type, and pauses of types and of the server. */
import {
  changedType,
  held,
  type ServerSettings,
  type TypeChange,
  type TypeSettings,
} from '../../domain/control/settings.js';
import { Refusal } from '../../domain/errors.js';
import type { Answer, Request } from '../messages.js';
import type { Reply, RequestContext } from './context.js';

type Of<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;
export type TypeRequest = Of<'pauseType' | 'resumeType' | 'setType'>;
export type ServerRequest = Of<'pauseServer' | 'resumeServer'>;

const done: Answer = { ok: true, jobs: [], replayed: false };

/** A type is given limits, paused or resumed. */
export function setType(request: TypeRequest, context: RequestContext, reply: Reply): void {
  const { ledger, handlers, jobsOfType, now } = context;
  const { name } = request;
  if (!handlers.has(name) && jobsOfType(name) === 0)
    throw new Refusal('not_found', 'There is no job type with this name: it has neither a handler nor jobs.');
  ledger.settings.setType(name, typeAfter(ledger.settings.typeOf(name), request, now));
  ledger.answerAfterAll(reply, done);
}

/** The server is paused or resumed. */
export function setServer(request: ServerRequest, context: RequestContext, reply: Reply): void {
  const { ledger, now } = context;
  const before = ledger.settings.server;
  const after = serverAfter(before, request, now);
  if (after !== before) ledger.settings.setServer(after);
  ledger.answerAfterAll(reply, done);
}

/** What is set of a type after a request. @throws Refusal when there is a reason and no pause */
export function typeAfter(before: TypeSettings, request: TypeRequest, now: number): TypeSettings {
  if (request.kind === 'setType') checkReason(before, request.change);
  return changedType(before, request.kind === 'setType' ? request.change : changeOfPause(request), now);
}

/** The same of the server; what there was where nothing changes. */
export function serverAfter(before: ServerSettings, request: ServerRequest, now: number): ServerSettings {
  const { paused, ...others } = before;
  if (request.kind === 'pauseServer') return { ...others, paused: held(paused, request.reason, now) };
  return paused === undefined ? before : others;
}

function changeOfPause(request: Of<'pauseType' | 'resumeType'>): TypeChange {
  return request.kind === 'pauseType' ? { paused: true, reason: request.reason } : { paused: null };
}

function checkReason(before: TypeSettings, { paused, reason }: TypeChange): void {
  if (typeof reason !== 'string' || paused !== undefined || before.paused !== undefined) return;
  const path = '/pause_reason';
  const message = 'is only for a type that is paused: add "paused": true';
  throw new Refusal('validation_failed', `${path} ${message}.`, [{ path, message }]);
}
