/** What handlers give to `ctx.enqueue`, as the body of `POST /jobs`: read once when it is given and once more where the job is made. */
import { Faults } from '../../api/faults.js';
import { type Rules, readDraft } from '../../api/validate.js';
import type { JobDraft } from '../../scheduler/messages.js';
import { parseJson } from '../bodies/json-body.js';

/**
 * @param text JSON
 * @throws Refusal, as `POST /jobs` would be refused
 */
export function readEnqueued(text: string, rules: Rules): JobDraft {
  const faults = new Faults();
  const value = withIfExists(parseJson(Buffer.from(text), faults));
  if (hasField(value, 'if_exists') && value.if_exists === 'reject')
    faults.add('/if_exists', 'must not be "reject" in ctx.enqueue: leave it out ("return"), or write "replace"');
  const draft = readDraft(value, rules, faults);
  if (draft === undefined || faults.any) throw faults.refusal();
  return draft;
}

/** Of a job with a key the default is another one than in a request: there is nobody to be refused. */
function withIfExists(value: unknown): unknown {
  return hasField(value, 'key') && !hasField(value, 'if_exists') ? { ...value, if_exists: 'return' } : value;
}

function hasField<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
