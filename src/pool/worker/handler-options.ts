/** The `options` that a handler module may export, checked and turned into the defaults of its job type. */

import { limits } from '../../domain/limits.js';
import { parseDuration } from '../../domain/time/duration.js';
import type { HandlerInfo } from '../shared/messages.js';

type Defaults = Omit<HandlerInfo, 'name'>;
type Read = { readonly set: Partial<Defaults> } | { readonly fault: string };

const productDefaults: Defaults = {
  description: '',
  concurrency: Number.POSITIVE_INFINITY,
  timeoutMs: limits.defaultTimeoutMs,
  maxRetries: limits.defaultMaxRetries,
  retryDelayMs: limits.defaultRetryDelayMs,
};

/** What each option becomes, or how its value is wrong, as the predicate of a sentence about it. */
const readers: Readonly<Record<string, (value: unknown) => Read>> = {
  description: (value) => (typeof value === 'string' ? { set: { description: value } } : { fault: 'must be a string' }),
  timeout: (value) => {
    const read = duration(value);
    if ('fault' in read) return read;
    return read.ms > 0 ? { set: { timeoutMs: read.ms } } : { fault: 'must be longer than 0' };
  },
  retry_delay: (value) => {
    const read = duration(value);
    return 'fault' in read ? read : { set: { retryDelayMs: read.ms } };
  },
  concurrency: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0
      ? { set: { concurrency: value as number } }
      : { fault: 'must be a whole number from 1' },
  max_retries: (value) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= limits.maxRetries
      ? { set: { maxRetries: value as number } }
      : { fault: `must be a whole number from 0 to ${limits.maxRetries}` },
};

function duration(value: unknown): { readonly ms: number } | { readonly fault: string } {
  if (typeof value !== 'string') return { fault: "must be a string such as '5m'" };
  const parsed = parseDuration(value);
  return 'error' in parsed ? { fault: parsed.error } : parsed;
}

/** Absent options, or absent ones among them, take the product's defaults. */
export function readHandlerOptions(options: unknown): { readonly options: Defaults } | { readonly fault: string } {
  if (options === undefined) return { options: productDefaults };
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return { fault: 'options must be an object' };
  }
  let defaults = productDefaults;
  for (const [name, value] of Object.entries(options)) {
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (!reader) return { fault: `unknown option ${name}; there are ${Object.keys(readers).join(', ')}` };
    const read = value === undefined ? { set: {} } : reader(value);
    if ('fault' in read) return { fault: `option ${name} ${read.fault}` };
    defaults = { ...defaults, ...read.set };
  }
  return { options: defaults };
}
