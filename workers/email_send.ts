/**
 * Example: sends an e-mail. It only pretends: replace the waiting by a call of your mail service, and pass `ctx.signal`
 * and `ctx.jobId` on to it, the latter so that a second run of the same job does not send twice.
 *
 *     {"to": "user@example.com", "subject": "Welcome", "body": "Good to have you here."}
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Handler, HandlerOptions } from '../src/pool/worker/handler.js';
import { readPayload } from './_payload.js';

export const options: HandlerOptions = {
  description: 'Sends an e-mail',
  timeout: '30s',
};

const sendEmail: Handler = async (payload, ctx) => {
  const fields = readPayload(payload);
  const to = fields.addresses('to');
  const subject = fields.optional('subject', fields.text) ?? '(no subject)';
  const body = fields.optional('body', fields.text) ?? '';
  fields.done();

  ctx.log.info('sending e-mail', { to, subject, characters: body.length });
  await delay(30, undefined, { signal: ctx.signal });
  ctx.log.info('e-mail sent', { to });
  return { sent_to: to };
};

export default sendEmail;
