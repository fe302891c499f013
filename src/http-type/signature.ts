/** Signatures by the Standard Webhooks specification, https://github.com/standard-webhooks/standard-webhooks */
import { createHmac } from 'node:crypto';

/** What a request is signed by, and what is signed with its body. */
export interface Signed {
  /** The same for all attempts of an occurrence, so that a receiver can tell that it has had it. */
  readonly id: string;
  /** When it is sent, in whole Unix seconds. */
  readonly timestamp: number;
  /** As it is sent. */
  readonly body: Uint8Array;
}

/** The headers of a message; without keys it is not signed, and has the rest of them. */
export function webhookHeaders(keys: readonly Uint8Array[], { id, timestamp, body }: Signed): Record<string, string> {
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) };
  if (keys.length === 0) return headers;
  const signatures = keys.map((key) => {
    const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest('base64')}`;
  });
  return { ...headers, 'webhook-signature': signatures.join(' ') };
}
