/**
 * Example: makes a report and sends it round. It only pretends, step by step, and looks at `ctx.signal` between the
 * steps, as a handler with much to do should.
 *
 *     {"report_type": "daily_sales", "recipients": ["admin@example.com"]}
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Handler, HandlerOptions } from '../src/pool/worker/handler.js';
import { readPayload } from './_payload.js';

export const options: HandlerOptions = {
  description: 'Makes a report and sends it to its recipients',
  timeout: '2m',
  concurrency: 4,
};

const steps = ['collecting figures', 'writing report', 'sending report'];

const makeReport: Handler = async (payload, ctx) => {
  const fields = readPayload(payload);
  const reportType = fields.text('report_type');
  const recipients = fields.addresses('recipients');
  fields.done();

  for (const step of steps) {
    ctx.signal.throwIfAborted();
    ctx.log.info(step, { report_type: reportType });
    await delay(15, undefined, { signal: ctx.signal });
  }
  return { report_type: reportType, for: ctx.scheduledFor, sent_to: recipients };
};

export default makeReport;
