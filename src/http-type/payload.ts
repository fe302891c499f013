/**
 * The payload of the type `http`: its schema, which `GET /job-types` shows, and its check, which also knows what the server may
 * call. The main thread checks a payload when its job is made; the thread that sends does so again, since a job may be older than
 * the options of the server.
 */
import { isIP } from 'node:net';
import type { PlacedFault } from '../schema/payload-schema.js';
import { step } from '../schema/payload-schema.js';
import { isPublic } from './addresses.js';
import type { HttpRules } from './rules.js';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** A payload that has passed its check. */
export interface HttpPayload {
  readonly url: string;
  readonly method?: (typeof methods)[number];
  readonly headers?: Readonly<Record<string, string | { readonly $env: string }>>;
  readonly body?: unknown;
}

const most = { urlChars: 8192, headers: 100, nameChars: 256, valueChars: 8192 };
const namePattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";
const valuePattern = '^[\\t\\x20-\\x7e\\x80-\\xff]*$';
const [nameForm, valueForm] = [new RegExp(namePattern), new RegExp(valuePattern)];

/** JSON Schema of what can be said of a payload by itself. */
export const payloadSchema = {
  type: 'object',
  description: 'An HTTP request. The server sends it when the job is due.',
  required: ['url'],
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      maxLength: most.urlChars,
      description: 'An http or https URL of an origin that --http-target names',
    },
    method: { enum: [...methods], default: 'POST' },
    headers: {
      type: 'object',
      maxProperties: most.headers,
      propertyNames: { maxLength: most.nameChars, pattern: namePattern },
      additionalProperties: {
        oneOf: [
          { type: 'string', maxLength: most.valueChars, pattern: valuePattern },
          {
            type: 'object',
            required: ['$env'],
            additionalProperties: false,
            properties: { $env: { type: 'string', description: 'A variable that --http-env names for this origin' } },
          },
        ],
      },
      description: 'Host, framing, webhook-* and traceparent are set by the server',
    },
    body: { description: 'A string is sent as it is, anything else as JSON. Not with GET and HEAD' },
  },
} as const;

/** What the server or the connection sets. */
const reserved = new Set(
  [
    'host connection keep-alive proxy-connection content-length transfer-encoding te trailer upgrade expect http2-settings',
    'webhook-id webhook-timestamp webhook-signature traceparent tracestate',
  ].flatMap((names) => names.split(' ')),
);

/** What is wrong with a payload, by place in it; nothing when it can be sent. */
export function payloadFaults(payload: unknown, rules: HttpRules): readonly PlacedFault[] {
  if (!isRecord(payload)) return [{ path: '', message: 'must be an object' }];
  const faults: PlacedFault[] = [];
  for (const field of Object.keys(payload)) {
    if (!Object.hasOwn(payloadSchema.properties, field))
      faults.push({
        path: step(field),
        message: `is not a field of this payload; there are ${Object.keys(payloadSchema.properties).join(', ')}`,
      });
  }
  const { url: text, method, headers, body } = payload;
  const url = readUrl(text);
  if (typeof url === 'string') faults.push({ path: '/url', message: url });
  const wrong = url instanceof URL ? targetFault(url, rules) : undefined;
  if (wrong !== undefined) faults.push({ path: '/url', message: wrong });
  if (method !== undefined && !(methods as readonly unknown[]).includes(method))
    faults.push({ path: '/method', message: `must be one of ${methods.join(', ')}` });
  if (body !== undefined && (method === 'GET' || method === 'HEAD'))
    faults.push({ path: '/body', message: `must be left out with ${method}` });
  if (headers !== undefined)
    faults.push(...headerFaults(headers, url instanceof URL && wrong === undefined ? url.origin : undefined, rules));
  return faults;
}

/** For threads that only make such jobs. */
export function makePayloadCheck(rules: HttpRules): (payload: unknown) => readonly PlacedFault[] {
  return (payload) => payloadFaults(payload, rules);
}

/** The URL, or what is wrong with it. */
function readUrl(text: unknown): URL | string {
  if (text === undefined) return 'is required';
  if (typeof text !== 'string') return 'must be a string';
  if (text.length > most.urlChars) return `must have at most ${most.urlChars} characters`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return 'must be a URL such as https://api.example.com/orders';
  if (url.username !== '' || url.password !== '')
    return 'must not have a user or a password: use a header, whose value may come from --http-env';
  return url;
}

function targetFault({ origin, hostname }: URL, { origins, anyPublic }: HttpRules): string | undefined {
  if (origins.includes(origin)) return undefined;
  if (!anyPublic) return `is of the origin ${origin}, which --http-target does not name`;
  const host = hostOf(hostname);
  if (isIP(host) === 0 || isPublic(host)) return undefined;
  return `is of the origin ${origin}, which has no public address and which --http-target does not name`;
}

function headerFaults(headers: unknown, origin: string | undefined, rules: HttpRules): PlacedFault[] {
  if (!isRecord(headers)) return [{ path: '/headers', message: 'must be an object' }];
  const entries = Object.entries(headers);
  if (entries.length > most.headers) return [{ path: '/headers', message: `must have at most ${most.headers} fields` }];
  const seen = new Set<string>();
  return entries.flatMap(([name, value]) => {
    const path = `/headers${step(name)}`;
    const lower = name.toLowerCase();
    const isAgain = seen.has(lower);
    seen.add(lower);
    if (!nameForm.test(name) || name.length > most.nameChars) return { path, message: 'is not the name of a header' };
    if (reserved.has(lower)) return { path, message: 'is set by the server: leave it out' };
    if (isAgain) return { path, message: 'is given twice: names of headers do not differ by case' };
    if (typeof value === 'string') {
      if (value.length <= most.valueChars && valueForm.test(value)) return [];
      return {
        path,
        message: `must have at most ${most.valueChars} characters, without line breaks or any beyond Latin-1`,
      };
    }
    const keys = isRecord(value) ? Object.keys(value) : [];
    const variable = isRecord(value) ? value.$env : undefined;
    if (keys.length !== 1 || typeof variable !== 'string')
      return { path, message: 'must be a string, or {"$env": "NAME"} with a variable that --http-env names' };
    if (origin === undefined || variableOf(rules, variable, origin) !== undefined) return [];
    return { path: `${path}/$env`, message: `is no variable that --http-env names for the origin ${origin}` };
  });
}

/** The value of a variable, as far as this origin may have it. */
export function variableOf({ variables }: HttpRules, name: string, origin: string): string | undefined {
  return variables.find((each) => each.name === name && each.origin === origin)?.value;
}

/** The name or address that a socket is for: `URL` writes addresses of IPv6 in brackets. */
export function hostOf(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
