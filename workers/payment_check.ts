/**
 * Example: looks whether an order has been paid, some time after it was placed. It only pretends: replace the waiting by
 * a question to your payment provider, and pass `ctx.signal` on to it.
 *
 *     {"order_id": "ORD-2024-001", "amount": 199.99, "user_id": "U123456"}
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Handler, HandlerOptions } from '../src/pool/worker/handler.js';
import { readPayload } from './_payload.js';

export const options: HandlerOptions = {
  description: 'Checks whether an order has been paid',
  timeout: '30s',
};

const checkPayment: Handler = async (payload, ctx) => {
  const fields = readPayload(payload);
  const orderId = fields.text('order_id');
  const amount = fields.optional('amount', fields.positiveNumber);
  const userId = fields.optional('user_id', fields.text);
  fields.done();

  ctx.log.info('checking payment', { order_id: orderId, amount, user_id: userId });
  await delay(20, undefined, { signal: ctx.signal });
  ctx.log.info('payment found', { order_id: orderId });
  return { order_id: orderId, paid: true };
};

export default checkPayment;
